// SPDX-License-Identifier: MIT
#include "spikemix/events/time_steps.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// A damaged file may hold times at the limits of 64 bits.
int64_t later(int64_t t, int64_t us) {
  int64_t sum = 0;
  return __builtin_add_overflow(t, us, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

TimeStepCutter::TimeStepCutter(const TimeStepOptions& options)
    : options_(options), places_(pixel_places(options.sensor, options.height, options.width)) {
  if ((options.us > 0) == (options.events > 0)) {
    throw input_error("a time step of {} us and {} events, expected one of them", options.us, options.events);
  }
}

void TimeStepCutter::begin(int64_t t) {
  step_.begin_t = t;
  step_.events = 0;
  counts_.assign(size_t(2 * places_.height * places_.width), 0);
  begun_ = true;
}

void TimeStepCutter::end(int64_t t, const std::function<void(TimeStep&&)>& take) {
  const int64_t number = step_.number;
  step_.end_t = t;
  step_.frame.assign(counts_.begin(), counts_.end());
  begun_ = false;
  take(std::exchange(step_, {}));
  step_.number = number + 1;
}

// Microseconds since the step's beginning, as an unsigned number, because a damaged file may hold any times.
uint64_t TimeStepCutter::ahead(const Event& e) const {
  return e.t > step_.begin_t ? uint64_t(e.t) - uint64_t(step_.begin_t) : 0;
}

size_t TimeStepCutter::still_within(std::span<const Event> events) const {
  if (options_.events > 0) return size_t(std::min<int64_t>(int64_t(events.size()), options_.events - step_.events));
  const auto beyond = [this](const Event& e) { return ahead(e) >= uint64_t(options_.us); };
  return size_t(std::ranges::find_if(events, beyond) - events.begin());
}

// Finishes this step, and those in which nothing happened, and begins the next one for event e.
void TimeStepCutter::pass_to(const Event& e, const std::function<void(TimeStep&&)>& take) {
  const int64_t first = step_.begin_t, us = options_.us;
  const uint64_t passed = ahead(e) / uint64_t(us);
  end(later(first, us), take);
  if (passed > uint64_t(kMostSilent)) return begin(e.t);
  for (int64_t k = 1; k < int64_t(passed); ++k) begin(first + k * us), end(first + (k + 1) * us, take);
  begin(first + int64_t(passed) * us);
}

void TimeStepCutter::add(std::span<const Event> events, const std::function<void(TimeStep&&)>& take) {
  while (!events.empty()) {
    if (!begun_) begin(events.front().t);
    const size_t n = still_within(events);
    if (n > 0) {
      add_to_frame(events.first(n), places_, options_.binary, counts_.data());
      step_.events += int64_t(n), step_.end_t = events[n - 1].t;
      events = events.subspan(n);
      if (step_.events == options_.events) end(step_.end_t, take);
    } else {
      pass_to(events.front(), take);
    }
  }
}

void TimeStepCutter::finish(const std::function<void(TimeStep&&)>& take) {
  if (begun_ && step_.events > 0) end(options_.us > 0 ? later(step_.begin_t, options_.us) : step_.end_t, take);
}

}  // namespace spikemix
