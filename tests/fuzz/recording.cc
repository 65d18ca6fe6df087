// SPDX-License-Identifier: MIT
// A recording of any format, as a file in memory: every event is within the sensor, or the recording is refused.
#include <cstdlib>

#include "fuzz.h"
#include "spikemix/base/exceptions.h"
#include "spikemix/events/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int64_t left_out = 0;
  const spikemix::ReadOptions strict = {};
  const spikemix::ReadOptions lenient = {
      .truncated = true, .unordered = true, .time_unit = spikemix::TimeUnit::kSeconds, .left_out = &left_out};
  for (const auto& options : {strict, lenient}) {
    try {
      const auto recording =
          spikemix::open_recording(spikemix::ByteSource::memory("recording", std::span(data, size)), options);
      for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
        const spikemix::SensorSize sensor = recording.reader->sensor();
        for (const spikemix::Event& event : events) {
          if (event.p > 1 || (sensor.known() && (event.x >= sensor.width || event.y >= sensor.height))) std::abort();
        }
      }
    } catch (const spikemix::InputError&) {
    }
  }
  return 0;
}
