#pragma once

#include "spikemix/core/config.h"

namespace spikemix {

/// Learning rate at `epoch` (fractional: it moves with every step; timm, which the published run used, moves it once an
/// epoch): linear from warmup_lr to the peak over warmup_epochs, then the cosine
///   min_lr + (peak - min_lr) (1 + cos(pi epoch / epochs)) / 2,
/// which timm does not restart after the warm-up, then min_lr for the cooldown.
double learning_rate(const TrainConfig& config, double epoch);

/// Time steps that images are shown for in `epoch`: 1 in the first train.one_step_epochs, then model.T.
int64_t time_steps(const Config& config, int64_t epoch);

}  // namespace spikemix
