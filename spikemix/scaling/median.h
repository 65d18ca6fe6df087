// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include <sys/resource.h>

#include "spikemix/base/clock.h"

namespace spikemix {

/// How often the system has taken the core away from this thread.
inline int64_t preemptions() {
#ifdef RUSAGE_THREAD
  rusage usage{};
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? int64_t(usage.ru_nivcsw) : 0;
#else
  return 0;
#endif
}

struct Median {
  double seconds = 0;
  bool disturbed = false;  ///< no 3 passes kept the core: the time is that of a busy machine
};

/// The median of `seconds()`, after a warm-up call, over as many calls as fit into `budget` seconds, but at least 3 and
/// at most 1,001. Passes that lost the core count only if fewer than 3 kept it.
template <class Seconds>
Median median_seconds(double budget, const Seconds& seconds) {
  seconds();
  std::vector<double> all, kept;
  const auto start = Clock::now();
  while (all.size() < 3 || (all.size() < 1001 && seconds_since(start) < budget)) {
    const int64_t before = preemptions();
    all.push_back(seconds());
    if (preemptions() == before) kept.push_back(all.back());
  }
  std::vector<double>& counted = kept.size() >= 3 ? kept : all;
  const auto middle = counted.begin() + std::ptrdiff_t(counted.size() / 2);
  std::nth_element(counted.begin(), middle, counted.end());
  return {*middle, kept.size() < 3};
}

}  // namespace spikemix
