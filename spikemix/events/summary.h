// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/events/reader.h"

namespace spikemix {

/// What `spikemix events info` reports about a recording.
struct EventSummary {
  /// The sensor; if the recording does not give it, the smallest one that holds all its events.
  SensorSize sensor;
  int64_t events = 0, on = 0, off = 0;
  int64_t first_t = 0, last_t = 0;  ///< microseconds; of the first and the last event in the file
  int64_t sum_x = 0, sum_y = 0;
  bool monotonic = true;  ///< no event's time is earlier than its predecessor's
};

/// Reads to the end. @throws as the reader does
EventSummary summarise(EventReader& reader);

}  // namespace spikemix
