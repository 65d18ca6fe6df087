// SPDX-License-Identifier: MIT
#include "spikemix/train/schedule.h"

#include <cmath>
#include <numbers>

namespace spikemix {

int64_t steps_per_epoch(const TrainConfig& config, int64_t images) {
  return images / (config.batch * config.accumulate) * config.accumulate;
}

double peak_learning_rate(const TrainConfig& config) {
  return config.lr_batch == 0 ? config.lr
                              : config.lr * double(config.batch * config.accumulate) / double(config.lr_batch);
}

double learning_rate(const TrainConfig& config, double epoch) {
  const double peak = peak_learning_rate(config), warmup = double(config.warmup_epochs), end = double(config.epochs);
  if (epoch < warmup) return config.warmup_lr + (peak - config.warmup_lr) * epoch / warmup;
  if (epoch >= end) return config.min_lr;
  return config.min_lr + (peak - config.min_lr) * (1 + std::cos(std::numbers::pi * epoch / end)) / 2;
}

int64_t time_steps(const Config& config, int64_t epoch) {
  return epoch < config.train.one_step_epochs ? 1 : config.model.T;
}

bool tests_after(const TrainConfig& config, int64_t epoch) {
  return (epoch + 1) % config.eval_every == 0 || epoch + 1 == config.all_epochs();
}

}  // namespace spikemix
