// SPDX-License-Identifier: MIT
#include "spikemix/cli/events.h"

#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/talk.h"
#include "spikemix/events/summary.h"

namespace spikemix {
namespace {

nlohmann::ordered_json to_json(const EventFormat& format, const EventSummary& s) {
  return {{"format", format.name},
          {"width", s.sensor.width},
          {"height", s.sensor.height},
          {"events", s.events},
          {"first_t", s.first_t},
          {"last_t", s.last_t},
          {"on", s.on},
          {"off", s.off},
          {"sum_x", s.sum_x},
          {"sum_y", s.sum_y},
          {"monotonic", s.monotonic}};
}

void print(const std::string& path, const EventFormat& format, const EventSummary& s) {
  const double seconds = double(s.last_t - s.first_t) * 1e-6;
  answer("{}: {}, {} x {} pixels\n", path, format.name, s.sensor.width, s.sensor.height);
  answer("  {} events: {} on, {} off\n", s.events, s.on, s.off);
  if (s.events == 0) return;
  answer("  {:.6f} s, from {} to {} us{}\n", seconds, s.first_t, s.last_t, s.monotonic ? "" : "; its times run back");
  if (seconds > 0)
    answer("  {:.0f} events/s; mean x {:.1f}, y {:.1f}\n", double(s.events) / seconds,
           double(s.sum_x) / double(s.events), double(s.sum_y) / double(s.events));
}

void add_events_info(CLI::App& events) {
  struct Options {
    EventInput input;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  auto* info = events.add_subcommand("info", "format, sensor, number of events, times, sums");
  info->footer(R"(Examples:
  spikemix events info gesture.aedat
  spikemix events info cut-off.raw --truncated --json)");
  options->input.add_to(*info);
  info->add_flag("--json", options->json, "print JSON");
  info->callback([options] {
    const Recording recording = options->input.open();
    const EventSummary summary = summarise(*recording.reader);
    note_unsaid_sensor(options->input.path, *recording.reader, summary.sensor);
    if (options->json) {
      answer_json(to_json(*recording.format, summary));
    } else {
      print(options->input.path, *recording.format, summary);
    }
  });
}

}  // namespace

void EventInput::add_to(CLI::App& command) {
  command
      .add_option("FILE", path,
                  "a recording (`spikemix events formats`); -: standard input; unix:PATH: a socket, which is created")
      ->required();
  flags.add_to(command);
}

Recording EventInput::open(ByteSource source, SensorSize fallback) const {
  ReadOptions options = flags.options();
  options.fallback = fallback;
  return open_recording(std::move(source), options);
}

void note_unsaid_sensor(const std::string& path, const EventReader& reader, SensorSize taken) {
  if (reader.sensor().known() || !taken.known()) return;
  say("{}: does not give its sensor's size; assuming {} x {} pixels, enough for its events (--size sets it)", path,
      taken.width, taken.height);
}

void SensorFlags::add_to(CLI::App& command) {
  command.add_option("--size", size,
                     "WIDTHxHEIGHT of the recordings' sensor; overrides what their files say (data.sensor)");
  command.add_option("--time-unit", time_unit, "unit of the times in an npz: s, ms, us or ns; default: whole us");
}

void SensorFlags::apply(DataConfig& data) const {
  parse_sensor(size, "--size"), parse_time_unit(time_unit, "--time-unit");  // although the data may need neither
  if (!size.empty()) data.sensor = size;
  if (!time_unit.empty()) data.time_unit = time_unit;
}

void RecordingFlags::add_to(CLI::App& command) {
  command.add_flag("--truncated", truncated, "read a file that was cut off up to its last whole event");
  command.add_flag("--unordered", unordered, "read events whose times run back as they are");
  sensor.add_to(command);
}

ReadOptions RecordingFlags::options() const {
  ReadOptions options{.truncated = truncated, .unordered = unordered, .sensor = parse_sensor(sensor.size, "--size")};
  options.time_unit = parse_time_unit(sensor.time_unit, "--time-unit");
  return options;
}

void add_events(CLI::App& app) {
  auto* events = app.add_subcommand("events", "recordings of event cameras: info, convert, cut, render, simulate");
  events->footer(R"(Examples:
  spikemix events info gesture.aedat
  spikemix events convert gesture.aedat gesture.npz
  spikemix events render gesture.aedat gesture.apng)");
  events->require_subcommand(1);
  add_events_info(*events);
  add_events_convert(*events);
  add_events_cut(*events);
  add_events_render(*events);
  add_events_simulate(*events);
  auto* formats = events->add_subcommand("formats", "list the formats of recordings");
  formats->footer(R"(Examples:
  spikemix events formats)");
  formats->callback([] {
    for (const EventFormat& format : event_formats()) {
      answer("  {:<14} {}{}\n", format.name, format.summary, format.create ? "; also written" : "");
    }
  });
}

}  // namespace spikemix
