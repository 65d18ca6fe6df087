// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

#include <ATen/Parallel.h>

namespace spikemix {

/// The number of chunks of `size` in [0, n); the last chunk may be smaller.
inline int64_t chunks(int64_t n, int64_t size) { return (n + size - 1) / size; }

/// f(chunk, begin, end) for each chunk, shared among the threads. The chunks do not depend on the number of threads, so
/// sums that are made by chunk and then added in order always have the same bits.
template <class F>
void for_chunks(int64_t n, int64_t size, const F& f) {
  at::parallel_for(0, chunks(n, size), 1, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) f(chunk, chunk * size, std::min(n, (chunk + 1) * size));
  });
}

}  // namespace spikemix
