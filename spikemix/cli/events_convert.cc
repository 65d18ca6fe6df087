// SPDX-License-Identifier: MIT
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/talk.h"
#include "spikemix/events/summary.h"

namespace spikemix {
namespace {

// A writer needs the sensor's size first: if the recording does not give it, it is read an extra time.
SensorSize size_of(const EventInput& input, const EventReader& reader) {
  if (reader.sensor().known()) return reader.sensor();
  if (input.path == "-")
    throw input_error("standard input: its sensor's size is not known, expected --size WIDTHxHEIGHT");
  const SensorSize needed = summarise(*input.open().reader).sensor;
  note_unsaid_sensor(input.path, reader, needed);
  return needed;
}

int64_t copy(const EventInput& input, const std::string& out, int64_t from, int64_t to) {
  check_outputs({{"OUT", out, OutputKind::kRecording}}, {input.path});
  const Recording recording = input.open();
  const auto writer = create_recording(out, size_of(input, *recording.reader));
  int64_t written = 0;
  std::vector<Event> kept;
  for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
    kept.clear();
    for (const Event& e : events) {
      if (e.t >= from && e.t < to) kept.push_back(e);
    }
    writer->write(kept);
    written += int64_t(kept.size());
  }
  writer->close();
  return written;
}

}  // namespace

void add_events_convert(CLI::App& events) {
  struct Options {
    EventInput input;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  auto* command = events.add_subcommand("convert", "write a recording as .aedat (AEDAT 3.1), .aedat4 or .npz");
  command->footer(R"(Examples:
  spikemix events convert gesture.aedat gesture.npz
  spikemix events convert recording.raw recording.aedat4
  spikemix events convert - recording.npz --size 240x180  standard input, of a sensor that it does not name)");
  options->input.add_to(*command);
  command->add_option("OUT", options->out, "file to write; its extension gives the format")->required();
  command->callback([options] {
    const int64_t n =
        copy(options->input, options->out, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
    report("{}: {} events\n", options->out, n);
  });
}

void add_events_cut(CLI::App& events) {
  struct Options {
    EventInput input;
    std::string out;
    int64_t from = std::numeric_limits<int64_t>::min(), to = std::numeric_limits<int64_t>::max();
  };
  auto options = std::make_shared<Options>();
  auto* command = events.add_subcommand("cut", "write the events of a span of time");
  command->footer(R"(Examples:
  spikemix events cut gesture.aedat start.aedat --to 2000000
  spikemix events cut gesture.aedat middle.npz --from 2000000 --to 4000000)");
  options->input.add_to(*command);
  command->add_option("OUT", options->out, "file to write; its extension gives the format")->required();
  command->add_option("--from", options->from, "first time to keep, in us of the recording's clock");
  command->add_option("--to", options->to, "first time to leave out, in us");
  command->callback([options] {
    if (options->from >= options->to) {
      throw input_error("--from {} --to {}: expected a time before --to", options->from, options->to);
    }
    const int64_t n = copy(options->input, options->out, options->from, options->to);
    report("{}: {} events\n", options->out, n);
  });
}

}  // namespace spikemix
