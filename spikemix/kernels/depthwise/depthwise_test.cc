// SPDX-License-Identifier: MIT
#include "spikemix/kernels/depthwise/depthwise.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"

namespace spikemix {
namespace {

TEST(DepthwiseConvolution, EqualsTheDefinition) {
  std::mt19937 rng(1);
  const auto random = [&](int64_t n) {
    std::vector<float> values(static_cast<size_t>(n));
    for (float& v : values) v = float(int(rng() % 65) - 32) / 8;  // sums of a few such values are exact
    return values;
  };
  for (const auto& [H, W, C] : small_sizes<3>({3, 4, 5})) {
    for (const int64_t k : {1, 3, 5, 7}) {
      constexpr int64_t kImages = 2;
      const std::vector<float> x = random(kImages * H * W * C), w = random(k * k * C);
      std::vector<float> want(x.size());
      for (int64_t i = 0; i < int64_t(x.size()); ++i) {
        const int64_t c = i % C, column = i / C % W, row = i / C / W % H, image = i / C / W / H;
        for (int64_t tap = 0; tap < k * k; ++tap) {
          const int64_t y = row + tap / k - k / 2, from = column + tap % k - k / 2;
          if (y < 0 || y >= H || from < 0 || from >= W) continue;
          want[size_t(i)] += w[size_t(tap * C + c)] * x[size_t(((image * H + y) * W + from) * C + c)];
        }
      }
      on_every_target([&] {
        std::vector<float> y(x.size(), 99);
        const int64_t rows = kImages * H;
        depthwise_convolution({H, W, C, k}, 0, rows / 2, w.data(), x.data(), y.data());
        depthwise_convolution({H, W, C, k}, rows / 2, rows, w.data(), x.data(), y.data());
        ASSERT_EQ(y, want) << H << " x " << W << " x " << C << ", " << k << " x " << k;
      });
    }
  }
}

}  // namespace
}  // namespace spikemix
