// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spikes/max_pool.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

// The definition: the first maximum of each window, row by row, inside the image.
struct PoolReference {
  std::vector<float> y, dx;
  PoolReference(const PoolShape& s, int64_t images, const std::vector<float>& x, const std::vector<float>& dy)
      : dx(x.size(), 0) {
    for (int64_t image = 0; image < images; ++image)
      for (int64_t p = 0; p < s.out_H(); ++p)
        for (int64_t q = 0; q < s.out_W(); ++q)
          for (int64_t c = 0; c < s.C; ++c) {
            size_t best = x.size();
            for (int64_t h = std::max<int64_t>(0, s.stride * p - 1); h <= std::min(s.H - 1, s.stride * p + 1); ++h)
              for (int64_t w = std::max<int64_t>(0, s.stride * q - 1); w <= std::min(s.W - 1, s.stride * q + 1); ++w) {
                const auto at = size_t(((image * s.H + h) * s.W + w) * s.C + c);
                if (best == x.size() || x[at] > x[best]) best = at;
              }
            dx[best] += dy[y.size()];
            y.push_back(x[best]);
          }
  }
};

TEST(SpikeMaxPool, EqualsTheDefinitionOnEveryTarget) {
  std::mt19937 rng(5);
  std::vector<PoolShape> shapes = {{1, 1, 3}, {2, 5, 16}, {7, 4, 33}};
  for (const auto& [H, W, C] : small_sizes<3>({2, 3, 3})) {
    for (const int64_t stride : {1, 2}) shapes.push_back({H, W, C, stride});
  }
  for (const PoolShape& shape : shapes) {
    constexpr int64_t kImages = 2;
    std::vector<float> x(size_t(kImages * shape.H * shape.W * shape.C));
    std::vector<float> dy(size_t(kImages * shape.out_H() * shape.out_W() * shape.C));
    for (float& v : x) v = rng() % 4 == 0;
    for (float& v : dy) v = float(int(rng() % 33) - 16) / 4;  // sums of a few such values are exact
    const PoolReference want(shape, kImages, x, dy);
    on_every_target([&] {
      std::vector<float> y(dy.size(), -1), dx(x.size(), -1), inference(dy.size(), -1);
      std::vector<uint8_t> chosen(dy.size(), 99);
      spike_max_pool(shape, 0, kImages, x.data(), y.data(), chosen.data());
      spike_max_pool(shape, 0, kImages, x.data(), inference.data(), nullptr);
      spike_max_pool_backward(shape, 0, kImages, dy.data(), chosen.data(), dx.data());
      ASSERT_EQ(y, want.y) << shape.H << " x " << shape.W;
      ASSERT_EQ(inference, want.y);
      ASSERT_EQ(dx, want.dx) << shape.H << " x " << shape.W;

      std::vector<Bfloat16> x16(x.begin(), x.end()), dy16(dy.begin(), dy.end()), y16(y.size()), dx16(x.size());
      spike_max_pool(shape, 0, kImages, x16.data(), y16.data(), chosen.data());
      spike_max_pool_backward(shape, 0, kImages, dy16.data(), chosen.data(), dx16.data());
      for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(float(y16[i]), want.y[i]);
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(float(dx16[i]), want.dx[i]);
    });
  }
}

TEST(SpikeMaxPool, OfPackedSpikesIsTheSame) {
  std::mt19937 rng(6);
  const auto packed = [](const std::vector<float>& x, int64_t C) {
    const int64_t words = spike_words(C), pixels = int64_t(x.size()) / C;
    std::vector<uint64_t> bits(size_t(pixels * words));
    for (int64_t p = 0; p < pixels; ++p) pack_spikes(0, C, x.data() + p * C, bits.data() + p * words);
    return bits;
  };
  for (int64_t side = 1; side <= 17; ++side) {
    for (const int64_t C : {1, 17, 64, 130}) {
      constexpr int64_t kImages = 2;
      const PoolShape shape{side, 18 - side, C, 1 + side % 2};
      std::vector<float> x(size_t(kImages * shape.H * shape.W * C));
      for (float& v : x) v = rng() % 8 == 0;
      std::vector<float> y(size_t(kImages * shape.out_H() * shape.out_W() * C));
      spike_max_pool(shape, 0, kImages, x.data(), y.data(), nullptr);
      const std::vector<uint64_t> bits = packed(x, C), want = packed(y, C);
      on_every_target([&] {
        std::vector<uint64_t> pooled(want.size(), 99);
        const int64_t rows = kImages * shape.out_H();
        spike_max_pool(shape, 0, rows / 2, bits.data(), pooled.data());
        spike_max_pool(shape, rows / 2, rows, bits.data(), pooled.data());
        ASSERT_EQ(pooled, want) << shape.H << " x " << shape.W << " x " << C;
      });
    }
  }
}

// Real values, most of them negative, and counts: compared with the definition, by rows.
TEST(SpikeMaxPool, OfRealValuesAndCounts) {
  std::mt19937 rng(7);
  for (const auto& [H, W, C] : small_sizes<3>({3, 4, 5})) {
    for (const int64_t stride : {1, 2}) {
      constexpr int64_t kImages = 2;
      const PoolShape shape{H, W, C, stride};
      std::vector<float> x(size_t(kImages * H * W * C)), counts(x.size());
      for (float& v : x) v = float(int(rng() % 64) - 60) / 8;
      for (float& v : counts) v = float(rng() % 256);
      const std::vector<float> dy(size_t(kImages * shape.out_H() * shape.out_W() * C));
      const PoolReference want(shape, kImages, x, dy), want_counts(shape, kImages, counts, dy);
      const auto as_bytes = [&](const std::vector<float>& values) {
        const int64_t padded = 64 * spike_words(C), pixels = int64_t(values.size()) / C;
        std::vector<uint8_t> bytes(size_t(pixels * padded));
        for (int64_t i = 0; i < pixels * C; ++i) bytes[size_t(i / C * padded + i % C)] = uint8_t(values[size_t(i)]);
        return bytes;
      };
      const std::vector<uint8_t> bytes = as_bytes(counts), want_bytes = as_bytes(want_counts.y);
      on_every_target([&] {
        const int64_t rows = kImages * shape.out_H();
        std::vector<float> y(dy.size(), 99), trained(dy.size(), 99);
        std::vector<uint8_t> pooled(want_bytes.size(), 99);
        spike_max_pool(shape, 0, rows / 2, x.data(), y.data());
        spike_max_pool(shape, rows / 2, rows, x.data(), y.data());
        spike_max_pool(shape, 0, kImages, x.data(), trained.data(), nullptr);
        spike_max_pool(shape, 0, 1, bytes.data(), pooled.data());
        spike_max_pool(shape, 1, rows, bytes.data(), pooled.data());
        ASSERT_EQ(y, want.y) << H << " x " << W << " x " << C << ", stride " << stride;
        ASSERT_EQ(trained, want.y);
        ASSERT_EQ(pooled, want_bytes);
      });
    }
  }
}

}  // namespace
}  // namespace spikemix
