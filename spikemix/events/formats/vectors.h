// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "spikemix/events/event.h"

namespace spikemix {

// Decoding several words at a time, for formats whose words tell everything about an event. These functions take what
// is usual and in order; the readers treat the rest word by word.

/// The columns and rows of a sensor: events are within them.
struct Bounds {
  uint32_t width, height;  ///< 1 to 2^16
};

/// Decodes all of n DAT records (dat.cc); adds `origin` to their times.
/// @param last  the time of the event before; afterwards of the last one
/// @return false if a record is odd: out of bounds, of a polarity beyond 1, earlier than its predecessor. `out` then
/// holds no events
bool decode_dat(const uint8_t* records, size_t n, int64_t origin, Bounds bounds, int64_t& last, Event* out);

/// What an EVT2 decoder knows (evt2.cc), in microseconds.
struct Evt2State {
  int64_t epoch;  ///< added to each time
  int64_t high;   ///< the latest high part of the time, epoch included
  int64_t last;   ///< the time of the last event
};

/// Decodes EVT2 words, at most n; ends before the first odd one or a little earlier. Writes no event past out + n.
/// @param made  the number of events
/// @return the number of words
size_t decode_evt2(const uint8_t* words, size_t n, Bounds bounds, Evt2State& state, Event* out, size_t& made);

}  // namespace spikemix
