#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "spikemix/config/data_config.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// What a recording may leave unsaid, as flags of every command that reads recordings. Errors name them.
struct SensorFlags {
  std::string size, time_unit;

  void add_to(CLI::App& command);
  /// data.sensor and data.time_unit, where the flags are given. @throws InputError naming a flag that means nothing
  void apply(DataConfig& data) const;
};

/// How a command reads recordings that are named one by one.
struct RecordingFlags {
  SensorFlags sensor;
  bool truncated = false, unordered = false;

  void add_to(CLI::App& command);
  /// @throws InputError naming a flag whose text means nothing
  ReadOptions options() const;
};

/// The recording that an `events` command reads, and how.
struct EventInput {
  std::string path;
  RecordingFlags flags;

  void add_to(CLI::App& command);
  /// @throws InputError as open_recording, or as RecordingFlags
  Recording open() const { return open(ByteSource::open(path)); }
  /// Of `source`, which was opened already. @param fallback  as ReadOptions has it
  Recording open(ByteSource source, SensorSize fallback = {}) const;
};

/// Says on standard error that a recording does not state its sensor's size, and which size is taken.
void note_unsaid_sensor(const std::string& path, const EventReader& reader, SensorSize taken);

// One function for each subcommand of `events`; events.cc has the list.
void add_events_convert(CLI::App& events);
void add_events_cut(CLI::App& events);
void add_events_render(CLI::App& events);
void add_events_simulate(CLI::App& events);

}  // namespace spikemix
