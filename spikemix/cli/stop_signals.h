#pragma once

#include <chrono>

#include "spikemix/base/clock.h"

namespace spikemix {

/// SIGINT, SIGTERM and SIGHUP ask for an end; a second one ends the program at once. One object at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Becomes readable when an end is asked for: for poll(2).
  int descriptor() const { return descriptor_; }
  /// A signal has come.
  bool received() const;
  /// Asks for an end without a signal.
  void stop();
  /// Sleeps until `time`, or until an end is asked for.
  void sleep_until(Clock::time_point time) const;

 private:
  const int descriptor_;
};

}  // namespace spikemix
