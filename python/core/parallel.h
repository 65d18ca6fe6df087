// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace spikemix::python {

/// f(begin, end) over [0, n), shared among up to this many threads, including the caller. Threads start and end here: a
/// pool would not survive in a forked process such as a DataLoader's workers, and starting a thread takes only about 20
/// us. `f` must not throw.
/// @param grain  the fewest items that are worth a thread
template <class F>
void in_threads(int64_t n, int64_t threads, int64_t grain, const F& f) {
  const int64_t parts = std::clamp<int64_t>(n / std::max<int64_t>(grain, 1), 1, std::max<int64_t>(threads, 1));
  std::vector<std::jthread> others;
  others.reserve(size_t(parts - 1));
  for (int64_t part = 1; part < parts; ++part)
    others.emplace_back([&f, n, parts, part] { f(n * part / parts, n * (part + 1) / parts); });
  f(0, n / parts);
}

/// Values that are worth a thread: about 50 us of a transform or of neurons.
constexpr int64_t kWorthwhile = 32768;

/// The type of a tensor's values.
enum class Type { kFloat, kDouble, kBfloat16 };

}  // namespace spikemix::python
