// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "spikemix/events/frames.h"

namespace spikemix {

/// One time step of a running recording.
struct TimeStep {
  int64_t number = 0;              ///< counted from 0
  int64_t begin_t = 0, end_t = 0;  ///< microseconds, on the recording's clock
  int64_t events = 0;
  std::vector<float> frame;  ///< [2, height, width]: off, then on
};

struct TimeStepOptions {
  /// Exactly one of these: a step lasts this many microseconds, or has this many events.
  int64_t us = 0, events = 0;
  bool binary = false;
  SensorSize sensor = {};
  int64_t height = 0, width = 0;  ///< a frame's size
};

/// Cuts events into time steps as they come, with the pixels of integrate(). Memory: one frame.
class TimeStepCutter {
 public:
  /// @throws InputError for a step of no length, or an unknown sensor
  explicit TimeStepCutter(const TimeStepOptions& options);

  /// Passes on each complete step. Steps of equal time in which nothing happened are included, but not more than
  /// kMostSilent in a row: after a longer silence, the next step begins with the next event (a clock that was reset, or
  /// a damaged file, must not make a million steps). @throws InputError for an event outside of the sensor
  void add(std::span<const Event> events, const std::function<void(TimeStep&&)>& take);
  /// The unfinished step, if it has any event.
  void finish(const std::function<void(TimeStep&&)>& take);

  static constexpr int64_t kMostSilent = 1000;

 private:
  void begin(int64_t t);
  void end(int64_t t, const std::function<void(TimeStep&&)>& take);
  uint64_t ahead(const Event& e) const;
  size_t still_within(std::span<const Event> events) const;
  void pass_to(const Event& e, const std::function<void(TimeStep&&)>& take);

  TimeStepOptions options_;
  PixelPlaces places_;
  TimeStep step_;
  std::vector<uint32_t> counts_;  // of its frame
  bool begun_ = false;
};

}  // namespace spikemix
