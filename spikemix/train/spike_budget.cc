// SPDX-License-Identifier: MIT
#include "spikemix/train/spike_budget.h"

#include <algorithm>
#include <cmath>

namespace spikemix {
namespace {

constexpr double kRate = 0.01, kAnswer = 1, kFarthest = 1000, kSilence = 1e-9;

}  // namespace

SpikeBudget::SpikeBudget(const TrainConfig& config)
    : start_(config.spike_cost),
      target_(config.spike_target),
      level_and_weight_(torch::full({2}, config.spike_cost, torch::kFloat64)) {}

void SpikeBudget::adjust(double operations) {
  if (target_ == 0) return;
  const double excess = std::clamp(std::log(std::max(operations, kSilence) / target_), -1.0, 1.0);
  const double level = std::clamp(level_and_weight_[0].item<double>() * std::exp(kRate * excess), start_ / kFarthest,
                                  start_ * kFarthest);
  level_and_weight_[0] = level, level_and_weight_[1] = level * std::exp(kAnswer * excess);
}

NamedTensors SpikeBudget::state() const {
  if (target_ == 0) return {};
  return {{"level_and_weight", level_and_weight_}};
}

}  // namespace spikemix
