#pragma once

#include <cstdint>

namespace spikemix {

/// Bytes of this process that are in memory now. 0 where the system does not tell (no Linux): of all four.
int64_t memory_in_use();
/// The most that it was since the program's start, or since forget_peak_memory().
int64_t peak_memory();
/// From now on the peak is that of what comes.
void forget_peak_memory();
/// What more the machine, and the container around the process, would give.
int64_t available_memory();

}  // namespace spikemix
