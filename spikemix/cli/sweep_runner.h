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
  std::vector<std::pair<std::string, std::string>> failed;  // run, its last line
};

/// Trains what is not done of a sweep in `folder`, `jobs` runs at a time, each a process of this program: `spikemix
/// train`, or `resume` where one has begun. A run that fails leaves the others alone. Ctrl-C asks all to save and end;
/// if this process is killed, its runs are asked so by the kernel, and the next start waits for them.
/// @param threads  of all runs together, shared out; runs that set their own keep them
/// @throws InputError if another sweep runs in the folder, RunError if no process can be started
SweepOutcome run_sweep(const SweepPlan& plan, const std::filesystem::path& folder, int64_t jobs, int64_t threads);

}  // namespace spikemix
