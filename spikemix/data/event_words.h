// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/events/event.h"

namespace spikemix {

/// Events in order of time as 32-bit words, a quarter of their size in memory. From bit 0 on: polarity, x, y, and in
/// the remaining bits the microseconds since the previous event (17 bits for 128 x 128 pixels). If all of these bits
/// are set, the microseconds are in the next word; if that has all bits set too, they are in the next two, lower half
/// first.
struct EventWords {
  int x_bits = 0, y_bits = 0;
  std::vector<uint32_t> words;
};

/// @throws InputError for x and y that need more than 30 bits together
EventWords pack_events(std::span<const Event> events);

/// Unpacks the `n` events that begin at time first_t. @return false if the words do not hold n events
bool unpack_events(std::span<const uint32_t> words, int x_bits, int y_bits, int64_t first_t, std::span<Event> events);

}  // namespace spikemix
