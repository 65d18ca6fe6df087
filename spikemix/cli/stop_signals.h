// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "spikemix/base/clock.h"

namespace spikemix {

/// SIGINT, SIGTERM and SIGHUP request a stop; a second one ends the program at once. One object at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Becomes readable when a stop is requested, for poll(2).
  int descriptor() const { return descriptor_; }
  /// Has a signal arrived?
  bool received() const;
  /// Requests a stop without a signal.
  void stop();
  /// Sleeps until `time`, or until a stop is requested.
  void sleep_until(Clock::time_point time) const;

 private:
  const int descriptor_;
};

}  // namespace spikemix
