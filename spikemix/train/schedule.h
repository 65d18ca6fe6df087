// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/config/config.h"

namespace spikemix {

/// Batches in an epoch of this many images, in whole optimiser steps only.
int64_t steps_per_epoch(const TrainConfig& config, int64_t images);

/// The learning rate after scaling with the batch: lr (batch x accumulate) / lr_batch, or lr itself.
double peak_learning_rate(const TrainConfig& config);

/// Learning rate at `epoch`, which is fractional: the rate moves with every step (timm, which the published run used,
/// moves it once an epoch). It rises linearly from warmup_lr to the peak over warmup_epochs, then follows the cosine
///   min_lr + (peak - min_lr) (1 + cos(pi epoch / epochs)) / 2,
/// which, as in timm, does not restart after the warm-up; then it stays at min_lr for the cooldown.
double learning_rate(const TrainConfig& config, double epoch);

/// Time steps that images are shown for in `epoch`: 1 in the first train.one_step_epochs, then model.T.
int64_t time_steps(const Config& config, int64_t epoch);

/// Whether the model is tested after `epoch`: every train.eval_every epochs, and after the last.
bool tests_after(const TrainConfig& config, int64_t epoch);

}  // namespace spikemix
