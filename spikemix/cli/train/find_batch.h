#pragma once

#include <cstdint>

#include "spikemix/config/config.h"

namespace spikemix {

/// Trains a few steps with growing batches, each in a process of its own, and prints the largest train.batch whose peak
/// of memory stays within `budget` bytes (0: nine tenths of what the machine has free), with what each batch took and
/// how fast it was. A handful of steps each; nothing is kept.
/// @throws InputError if not even one image fits, or what train() throws on the config and the data
void find_batch(Config config, int64_t budget, bool json);

}  // namespace spikemix
