// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/cli/events.h"

namespace spikemix {

struct InputBenchOptions {
  std::string data, format = "auto";
  std::string recipe;  // empty: the published one for pictures or for recordings
  std::vector<std::string> overrides;
  SensorFlags sensor;
  int64_t threads = 1;
  bool json = false;
};

/// `spikemix bench --data DIR [RECIPE]`: opens the training split as a training would, and times the loader on 1, 2, 4,
/// ... `threads` threads and the parts of its work on one, without a model.
void bench_input(const InputBenchOptions& options);

}  // namespace spikemix
