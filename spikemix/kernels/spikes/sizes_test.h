// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace spikemix {

/// For tests: sizes smaller than every vector, equal to it, and one more.
inline constexpr int64_t kLargestSmallSize = 17;

/// Each pair of dimensions in all sizes from 1 to 17, while the others keep their usual one.
template <size_t n>
std::vector<std::array<int64_t, n>> small_sizes(const std::array<int64_t, n>& usual) {
  std::set<std::array<int64_t, n>> all;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) {
      for (int64_t a = 1; a <= kLargestSmallSize; ++a) {
        for (int64_t b = 1; b <= kLargestSmallSize; ++b) {
          std::array<int64_t, n> sizes = usual;
          sizes[i] = a, sizes[j] = b;
          all.insert(sizes);
        }
      }
    }
  }
  return {all.begin(), all.end()};
}

}  // namespace spikemix
