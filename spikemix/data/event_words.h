#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/events/event.h"

namespace spikemix {

/// Events in order of time as 32-bit words, a quarter of their size in memory: from bit 0 on polarity, x, y, and in the
/// bits that are left the microseconds since the event before (17 bits for 128 x 128 pixels). All of these bits set:
/// the microseconds stand in the next word; all of that set too: in the next two, the lower half first.
struct EventWords {
  int x_bits = 0, y_bits = 0;
  std::vector<uint32_t> words;
};

/// @throws InputError for x and y that need more than 30 bits together
EventWords pack_events(std::span<const Event> events);

/// The `n` events that begin with time first_t. @return false if the words are not those of n events
bool unpack_events(std::span<const uint32_t> words, int x_bits, int y_bits, int64_t first_t, std::span<Event> events);

}  // namespace spikemix
