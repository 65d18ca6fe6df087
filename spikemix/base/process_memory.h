// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace spikemix {

/// Bytes of this process that are in memory now. All of these are 0 if the system does not tell (not Linux).
int64_t memory_in_use();
/// Their maximum since the program's start, or since forget_peak_memory().
int64_t peak_memory();
/// Starts a new peak.
void forget_peak_memory();
/// Bytes that the machine and the container around the process can still provide.
int64_t available_memory();

}  // namespace spikemix
