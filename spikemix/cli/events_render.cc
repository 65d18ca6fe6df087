// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/talk.h"
#include "spikemix/events/render.h"
#include "spikemix/events/summary.h"

namespace spikemix {
namespace {

// Makes the recording's frames in two passes, so that memory does not grow with it: the first finds where frames begin.
Frames sum_up(const EventInput& input, int64_t T, bool by_time, EventSummary& summary) {
  if (input.path == "-") throw input_error("standard input: render reads twice, expected a file");
  const Recording counted = input.open();
  summary = summarise(*counted.reader);
  if (summary.events == 0) throw input_error("{}: has no events, so there is nothing to draw", input.path);
  const SensorSize sensor = summary.sensor;
  note_unsaid_sensor(input.path, *counted.reader, sensor);
  if (int64_t(sensor.width) * sensor.height > 1 << 22) {
    throw input_error("{}: a sensor of {} x {} pixels, too large for pictures; wrong --size?", input.path, sensor.width,
                      sensor.height);
  }
  Frames frames{T, sensor.height, sensor.width, {}};
  const size_t values = size_t(2 * sensor.height) * size_t(sensor.width);
  frames.counts.resize(size_t(T) * values);
  const PixelPlaces places = pixel_places(sensor, 0, 0);
  const int64_t step = std::max<int64_t>(1, by_time ? (summary.last_t - summary.first_t) / T : summary.events / T);
  int64_t number = 0;
  const Recording recording = input.open();
  for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
    const auto frame_of = [&](size_t i) {
      return std::clamp<int64_t>((by_time ? events[i].t - summary.first_t : number + int64_t(i)) / step, 0, T - 1);
    };
    for (size_t begin = 0, end = 0; begin < events.size(); begin = end) {
      const int64_t frame = frame_of(begin);
      while (end < events.size() && frame_of(end) == frame) ++end;
      add_to_frame(events.subspan(begin, end - begin), places, /*binary=*/false,
                   &frames.counts[size_t(frame) * values]);
    }
    number += int64_t(events.size());
  }
  return frames;
}

}  // namespace

void add_events_render(CLI::App& events) {
  struct Options {
    EventInput input;
    std::string out, split = "time";
    int64_t T = 0;
    int scale = 0;
  };
  auto options = std::make_shared<Options>();
  auto* command = events.add_subcommand("render", "draw a recording: a contact sheet (.png) or an animation (.apng)");
  command->footer(R"(Examples:
  spikemix events render gesture.aedat sheet.png          16 pictures side by side
  spikemix events render gesture.aedat gesture.apng --frames 100 --split number)");
  options->input.add_to(*command);
  command->add_option("OUT", options->out, "picture to write: .png or .apng")->required();
  command->add_option("--frames", options->T, "pictures (16 in a contact sheet, 50 in an animation)")
      ->check(CLI::Range(1, 1000));
  command->add_option("--split", options->split, "frames of equal time or of an equal number of events")
      ->check(CLI::IsMember({"time", "number"}));
  command->add_option("--scale", options->scale, "pixels of the picture for each pixel of the sensor")
      ->check(CLI::Range(1, 16));
  command->callback([options] {
    check_outputs({{"OUT", options->out, OutputKind::kPicture}}, {options->input.path});
    const bool animated = options->out.ends_with(".apng");
    const int64_t T = options->T > 0 ? options->T : (animated ? 50 : 16);
    EventSummary summary;
    const Frames frames = sum_up(options->input, T, options->split == "time", summary);
    render_frames(options->out, frames, summary.last_t - summary.first_t, options->scale);
    report("{}: {} frames of {} x {} pixels\n", options->out, T, frames.width, frames.height);
  });
}

}  // namespace spikemix
