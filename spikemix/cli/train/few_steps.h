// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

#include "spikemix/config/config.h"

namespace spikemix {

/// The measurements of train_few_steps().
struct TimedSteps {
  int64_t warm_up = 0, timed = 0;  // batches
  double seconds = 0;              // for the timed ones
};

/// Trains `warm_up` batches and then `steps` more, which are timed; keeps nothing. Trains fewer if train.epochs ends
/// before, and one batch more if they end with an epoch. All use model.T time steps, which take the longest.
/// @param on_warm  called between the two; may be empty
/// @throws what train() throws
TimedSteps train_few_steps(Config config, int64_t warm_up, int64_t steps, const std::function<void()>& on_warm = {});

}  // namespace spikemix
