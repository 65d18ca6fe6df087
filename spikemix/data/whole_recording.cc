// SPDX-License-Identifier: MIT
#include "spikemix/data/whole_recording.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// An event that is further back than a buffer or two comes from another clock.
constexpr int64_t kDisorderUs = 10'000;

// A camera's glitch is left out and reported; more than one event in twenty is not a glitch.
void check_left_out(const std::string& name, SensorSize sensor, int64_t left_out, int64_t all) {
  if (left_out <= std::max<int64_t>(1, all / 20)) return;
  throw input_error("{}: {} of its {} events lie beyond a sensor of {} x {} pixels; another sensor (--size)?", name,
                    left_out, all, sensor.width, sensor.height);
}

}  // namespace

RecordingInfo WholeRecording::info() const {
  RecordingInfo info{.sensor = sensor, .own = sensor, .says = says, .events = int64_t(events.size())};
  if (!events.empty()) info.first_t = events.front().t, info.last_t = events.back().t;
  return info;
}

std::string told_left_out(const std::string& name, int64_t events) {
  return fmt::format("{}: {} of its events beyond the sensor left out", name, events);
}

WholeRecording read_recording(ByteSource source, ReadOptions options) {
  const std::string name = source.name();
  WholeRecording whole;
  options.unordered = true, options.left_out = &whole.left_out;
  const Recording recording = open_recording(std::move(source), options);
  for (auto batch = recording.reader->read(); !batch.empty(); batch = recording.reader->read()) {
    whole.events.insert(whole.events.end(), batch.begin(), batch.end());
  }
  whole.sensor = recording.reader->sensor(), whole.says = whole.sensor.known();
  check_left_out(name, whole.sensor, whole.left_out, int64_t(whole.events.size()) + whole.left_out);
  if (whole.says) return whole;
  for (const Event& e : whole.events) {
    whole.sensor = {std::max(whole.sensor.width, e.x + 1), std::max(whole.sensor.height, e.y + 1)};
  }
  return whole;
}

void put_in_order(std::vector<Event>& events, const std::string& name) {
  if (std::ranges::is_sorted(events, {}, &Event::t)) return;
  int64_t latest = events.front().t;
  for (size_t i = 0; i < events.size(); ++i) {
    latest = std::max(latest, events[i].t);
    if (latest - events[i].t <= kDisorderUs) continue;
    throw input_error("{}: time runs back from {} to {} us at event {}, expected {} ms at most; did its clock restart?",
                      name, latest, events[i].t, i, kDisorderUs / 1000);
  }
  std::ranges::stable_sort(events, {}, &Event::t);
}

}  // namespace spikemix
