#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "spikemix/events/reader.h"

namespace spikemix {

/// The recording that an `events` command reads, and how.
struct EventInput {
  std::string path, size;
  bool truncated = false, unordered = false;

  void add_to(CLI::App& command);
  /// @throws InputError as open_recording, or for a --size that is none
  Recording open() const;
};

// One function a subcommand of `events`; events.cc has the list.
void add_events_convert(CLI::App& events);
void add_events_cut(CLI::App& events);
void add_events_render(CLI::App& events);
void add_events_simulate(CLI::App& events);

}  // namespace spikemix
