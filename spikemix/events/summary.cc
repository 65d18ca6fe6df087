// SPDX-License-Identifier: MIT
#include "spikemix/events/summary.h"

#include <algorithm>

namespace spikemix {

EventSummary summarise(EventReader& reader) {
  EventSummary summary;
  int max_x = -1, max_y = -1;
  for (auto events = reader.read(); !events.empty(); events = reader.read()) {
    if (summary.events == 0) summary.first_t = summary.last_t = events.front().t;
    for (const Event& e : events) {
      summary.on += e.p;
      summary.sum_x += e.x, summary.sum_y += e.y;
      max_x = std::max<int>(max_x, e.x), max_y = std::max<int>(max_y, e.y);
      summary.monotonic &= e.t >= summary.last_t;
      summary.last_t = e.t;
    }
    summary.events += int64_t(events.size());
  }
  summary.off = summary.events - summary.on;
  summary.sensor = reader.sensor().known() ? reader.sensor() : SensorSize{max_x + 1, max_y + 1};
  return summary;
}

}  // namespace spikemix
