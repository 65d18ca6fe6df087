// SPDX-License-Identifier: MIT
#include "spikemix/plan/fan_out.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace spikemix {
namespace {

// Against counting every product of a dense engine whose input is not padding.
TEST(FanOut, EqualsCounting) {
  for (const Window& w : {Window{3, 1, 1}, Window{1, 1, 0}, Window{1, 2, 0}, Window{1, 4, 0}, Window{3, 2, 1},
                          Window{4, 4, 0}, Window{5, 1, 2}, Window{7, 1, 3}}) {
    for (int64_t n = w.kernel > 3 && w.padding == 0 ? 4 : 1; n <= 17; ++n) {
      std::vector<int64_t> expected(size_t(n), 0);
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t o = 0; o < w.out(n); ++o)
          expected[size_t(i)] += std::abs(2 * (o * w.stride - w.padding - i) + w.kernel - 1) < w.kernel;
      }
      EXPECT_EQ(fan_out(w, n), expected) << w.kernel << " " << w.stride << " n=" << n;
    }
  }
}

}  // namespace
}  // namespace spikemix
