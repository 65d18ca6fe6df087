#include "spikemix/events/time_steps.h"

#include <limits>
#include <utility>

#include "spikemix/core/error.h"

namespace spikemix {
namespace {

// A damaged file may hold times at the end of what 64 bits can say.
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
  step_.frame.assign(size_t(2 * places_.height * places_.width), 0);
  begun_ = true;
}

void TimeStepCutter::end(int64_t t, const std::function<void(TimeStep&&)>& take) {
  const int64_t number = step_.number;
  step_.end_t = t;
  begun_ = false;
  take(std::exchange(step_, {}));
  step_.number = number + 1;
}

void TimeStepCutter::add(std::span<const Event> events, const std::function<void(TimeStep&&)>& take) {
  const auto plane = size_t(places_.height * places_.width);
  for (const Event& e : events) {
    if ((e.x >= places_.columns.size()) | (e.y >= places_.rows.size()) | (e.p > 1)) [[unlikely]] {
      throw input_error("event at x = {}, y = {}, expected x below {} and y below {}; another sensor (--size)?", e.x,
                        e.y, places_.columns.size(), places_.rows.size());
    }
    if (!begun_) begin(e.t);
    // The difference as an unsigned number: a damaged file may hold any times.
    const uint64_t ahead = e.t > step_.begin_t ? uint64_t(e.t) - uint64_t(step_.begin_t) : 0;
    if (options_.us > 0 && ahead >= uint64_t(options_.us)) {
      const int64_t first = step_.begin_t, us = options_.us;
      const uint64_t passed = ahead / uint64_t(us);
      end(later(first, us), take);
      if (passed <= uint64_t(kMostSilent)) {
        for (int64_t k = 1; k < int64_t(passed); ++k) begin(first + k * us), end(first + (k + 1) * us, take);
        begin(first + int64_t(passed) * us);
      } else {
        begin(e.t);
      }
    }
    float& value = step_.frame[plane * e.p + places_.rows[e.y] + places_.columns[e.x]];
    value = options_.binary ? 1 : value + 1;
    ++step_.events;
    step_.end_t = e.t;
    if (step_.events == options_.events) end(e.t, take);
  }
}

void TimeStepCutter::finish(const std::function<void(TimeStep&&)>& take) {
  if (begun_ && step_.events > 0) end(options_.us > 0 ? later(step_.begin_t, options_.us) : step_.end_t, take);
}

}  // namespace spikemix
