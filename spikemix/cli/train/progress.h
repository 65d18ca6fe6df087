#pragma once

#include <string>

#include "spikemix/core/clock.h"
#include "spikemix/train/trainer.h"

namespace spikemix {

/// Progress of a training on stderr: a bar that moves on a terminal, a line now and then in a log.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(std::string title);
  void begin(const Conditions& conditions);
  void step(const Progress& progress);
  void epoch(const EpochResult& result);

 private:
  const std::string title_;
  const bool terminal_;
  Clock::time_point last_{};
};

/// "1:05:09", "4:07".
std::string duration(double seconds);

}  // namespace spikemix
