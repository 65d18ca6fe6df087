// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "spikemix/cli/sweep_plan.h"

namespace spikemix {

struct SweepOutcome {
  int64_t done = 0;
  bool stopped = false;                                     // by a signal
  std::vector<std::pair<std::string, std::string>> failed;  // run, and its last line
};

/// Trains the unfinished runs of a sweep in `folder`, `jobs` at a time, each in a process of this program: `spikemix
/// train`, or `resume` if it had begun. A run that fails does not affect the others. Ctrl-C asks all to save and end;
/// if this process is killed, the kernel asks its runs the same, and the next start waits for them.
/// @param threads  for all runs together, divided among them; runs that set their own keep them
/// @throws InputError if another sweep runs in the folder, RunError if no process can be started
SweepOutcome run_sweep(const SweepPlan& plan, const std::filesystem::path& folder, int64_t jobs, int64_t threads);

}  // namespace spikemix
