// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/config/config.h"

namespace spikemix {

/// Trains a few steps with growing batches, each in a separate process, and prints the largest train.batch whose peak
/// memory stays within `budget` bytes (0: nine tenths of the machine's free memory), with the memory and speed of each.
/// Nothing is kept.
/// @throws InputError if not even one image fits, or what train() throws on the config and the data
void find_batch(Config config, int64_t budget, bool json);

}  // namespace spikemix
