// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "spikemix/cli/terminal.h"
#include "spikemix/train/trainer.h"

namespace spikemix {

/// Progress of a training on standard error: a moving bar on a terminal, an occasional line in a log.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(std::string title);
  void begin(const Conditions& conditions);
  void step(const Progress& progress);
  void test(int64_t done, int64_t images);
  void epoch(const EpochResult& result);
  /// Call it before printing a line that stays.
  void clear() { line_.clear(); }

 private:
  const std::string title_;
  ProgressLine line_;
};

/// "1:05:09", "4:07".
std::string duration(double seconds);

}  // namespace spikemix
