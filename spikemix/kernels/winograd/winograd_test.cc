// SPDX-License-Identifier: MIT
#include "spikemix/kernels/winograd/winograd.h"

#include <cmath>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"

namespace spikemix {
namespace {

// A kernel for each channel (depthwise: the matrix products between the maps are not under test), and its convolution's
// input gradient.
struct DepthWise {
  int64_t H, W, C;
  std::vector<float> w;  // [C, 3, 3]

  double at(const std::vector<float>& x, int64_t image, int64_t row, int64_t column, int64_t c) const {
    double sum = 0;
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        const int64_t h = row + i - 1, v = column + j - 1;
        if (h < 0 || h >= H || v < 0 || v >= W) continue;
        sum += double(w[size_t(9 * c + 8 - 3 * i - j)]) * double(x[size_t(((image * H + h) * W + v) * C + c)]);
      }
    }
    return sum;
  }
};

// Sends all weights and tiles, each in two calls, to the points and back.
template <class X>
std::vector<X> gradient(const DepthWise& kernel, const std::vector<X>& x) {
  const WinogradTiles tiles{kernel.H, kernel.W};
  const auto images = int64_t(x.size()) / (kernel.H * kernel.W * kernel.C);
  std::vector<X> y(x.size(), X(-1.0f));
  const int64_t all = images * tiles.of_image(), part = all / 3, half = kernel.C / 2;
  const int64_t stride = kernel.C + 3;
  std::vector<float> weights(size_t(WinogradTiles::kPoints * stride), -1);
  winograd_weights(0, half, kernel.w.data(), stride, weights.data());
  winograd_weights(half, kernel.C, kernel.w.data(), stride, weights.data());
  for (const auto& [begin, end] : {std::pair{int64_t(0), part}, std::pair{part, all}}) {
    std::vector<float> points(size_t(WinogradTiles::kPoints * (end - begin) * kernel.C), -1);
    winograd_inputs(tiles, kernel.C, begin, end, x.data(), points.data());
    for (int64_t k = 0, at = 0; k < WinogradTiles::kPoints; ++k)
      for (int64_t tile = begin; tile < end; ++tile)
        for (int64_t c = 0; c < kernel.C; ++c, ++at) points[size_t(at)] *= weights[size_t(k * stride + c)];
    winograd_outputs(tiles, kernel.C, begin, end, points.data(), y.data());
  }
  return y;
}

TEST(Winograd, IsAConvolutionsGradientOnEveryTarget) {
  std::mt19937 rng(11);
  std::normal_distribution<float> normal;
  std::vector<std::array<int64_t, 3>> sizes = small_sizes<3>({4, 5, 3});
  sizes.insert(sizes.end(), {{8, 8, 16}, {6, 5, 33}});
  for (const auto& [H, W, C] : sizes) {
    DepthWise kernel{H, W, C, std::vector<float>(size_t(9 * C))};
    for (float& w : kernel.w) w = normal(rng);
    std::vector<float> x(size_t(3 * H * W * C));
    for (float& v : x) v = normal(rng);
    const std::vector<Bfloat16> x16(x.begin(), x.end());
    const std::vector<float> rounded(x16.begin(), x16.end());
    on_every_target([&] {
      const std::vector<float> y = gradient(kernel, x);
      const std::vector<Bfloat16> y16 = gradient(kernel, x16);
      for (int64_t at = 0; at < int64_t(x.size()); ++at) {
        const int64_t c = at % C, pixel = at / C, column = pixel % W, row = pixel / W % H, image = pixel / W / H;
        ASSERT_NEAR(y[size_t(at)], kernel.at(x, image, row, column, c), 1e-4) << H << " x " << W << ", at " << at;
        const double want = kernel.at(rounded, image, row, column, c);
        ASSERT_NEAR(float(y16[size_t(at)]), want, 1e-4 + std::abs(want) / 256) << H << " x " << W << ", at " << at;
      }
    });
  }
}

}  // namespace
}  // namespace spikemix
