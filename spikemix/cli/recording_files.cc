#include "spikemix/cli/recording_files.h"

#include <algorithm>
#include <utility>

#include "spikemix/events/reader.h"
#include "spikemix/events/render.h"

namespace spikemix {

RecordingFiles::RecordingFiles(const std::vector<std::string>& files, const ReadOptions& options,
                               const ModelConfig& model) {
  for (const std::string& name : files) {
    const Recording recording = open_recording(name, options);
    File& file = files_.emplace_back();
    file.name = name;
    int width = 1, height = 1;
    for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
      for (const Event& e : events) width = std::max(width, e.x + 1), height = std::max(height, e.y + 1);
      file.events.insert(file.events.end(), events.begin(), events.end());
    }
    // What --unordered lets through; frames take events in order of time.
    if (options.unordered) std::ranges::stable_sort(file.events, {}, &Event::t);
    SensorSize sensor = recording.reader->sensor();
    if (!sensor.known()) sensor = {int(model.width), int(model.height)};
    if (width > sensor.width || height > sensor.height) sensor = {width, height};
    file.info = {sensor, int64_t(file.events.size()), 0, 0};
    if (file.events.empty()) continue;
    file.info.first_t = file.events.front().t, file.info.last_t = file.events.back().t;
  }
}

Image picture_of(std::span<const Event> events, SensorSize sensor) {
  RgbPicture picture = std::move(draw_frames(integrate(events, sensor, {.T = 1}), 1).front());
  return {picture.height, picture.width, 3, std::move(picture.rgb)};
}

}  // namespace spikemix
