// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "spikemix/config/data_config.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// The flags of every command that reads recordings, for what a recording may leave unsaid. Errors name them.
struct SensorFlags {
  std::string size, time_unit;

  void add_to(CLI::App& command);
  /// Sets data.sensor and data.time_unit if the flags are given. @throws InputError naming a flag with an invalid value
  void apply(DataConfig& data) const;
};

/// How a command reads recordings that are named one by one.
struct RecordingFlags {
  SensorFlags sensor;
  bool truncated = false, unordered = false;

  void add_to(CLI::App& command);
  /// @throws InputError naming a flag with an invalid value
  ReadOptions options() const;
};

/// The recording that an `events` command reads, and how.
struct EventInput {
  std::string path;
  RecordingFlags flags;

  void add_to(CLI::App& command);
  /// @throws InputError as open_recording, or as RecordingFlags does
  Recording open() const { return open(ByteSource::open(path)); }
  /// For `source`, which is already open. @param fallback  as in ReadOptions
  Recording open(ByteSource source, SensorSize fallback = {}) const;
};

/// Reports on standard error that a recording does not give its sensor's size, and which size is assumed.
void note_unsaid_sensor(const std::string& path, const EventReader& reader, SensorSize taken);

// One function for each subcommand of `events`; events.cc has the list.
void add_events_convert(CLI::App& events);
void add_events_cut(CLI::App& events);
void add_events_render(CLI::App& events);
void add_events_simulate(CLI::App& events);

}  // namespace spikemix
