// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/batch_norm.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"

namespace spikemix {
namespace {

// Small multiples of 1/8 around a mean of 1,000: sums and squares about the pivot are exact in any order.
std::vector<float> rows_around(float mean, int64_t n) {
  std::mt19937 rng(3);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = mean + float(int(rng() % 17) - 8) / 8;
  return x;
}

TEST(ChannelMoments, AreExactAroundALargeMean) {
  for (const auto& [rows, C] : small_sizes<2>({3, 67})) {
    const auto x = rows_around(1000, rows * C);
    std::vector<double> sum(size_t(C), 0), squares(size_t(C), 0);
    for (size_t i = 0; i < x.size(); ++i) {
      const double value = double(x[i]) - double(x[i % size_t(C)]);
      sum[i % size_t(C)] += value;
      squares[i % size_t(C)] += value * value;
    }
    on_every_target([&] {
      std::vector<float> got_sum(size_t(C), 1), got_squares(size_t(C), 2);  // sums are added to these
      channel_moments(rows, C, x.data(), /*pivot: the first row*/ x.data(), got_sum.data(), got_squares.data());
      for (size_t c = 0; c < size_t(C); ++c) {
        ASSERT_EQ(double(got_sum[c]), sum[c] + 1) << "C=" << C;
        ASSERT_EQ(double(got_squares[c]), squares[c] + 2) << "C=" << C;
      }
    });
  }
}

TEST(BatchNormBackward, EqualsTheFormulaOnEveryTarget) {
  for (const auto& [rows, C] : small_sizes<2>({3, 67})) {
    const auto x = rows_around(1, rows * C), mean = rows_around(0.5f, C), a = rows_around(2, C), b = rows_around(-1, C),
               c = rows_around(0, C), dz = rows_around(0.25f, rows * C);
    std::vector<Bfloat16> x16(x.begin(), x.end());
    on_every_target([&] {
      auto got = dz;
      std::vector<Bfloat16> got16(dz.begin(), dz.end()), mixed(dz.size());
      batch_norm_backward(rows, C, x.data(), mean.data(), a.data(), b.data(), c.data(), got.data(), got.data());
      batch_norm_backward(rows, C, x16.data(), mean.data(), a.data(), b.data(), c.data(), dz.data(), mixed.data());
      batch_norm_backward(rows, C, x16.data(), mean.data(), a.data(), b.data(), c.data(), got16.data(), got16.data());
      for (size_t i = 0; i < x.size(); ++i) {
        const size_t k = i % size_t(C);
        const float want = a[k] * dz[i] + b[k] * (x[i] - mean[k]) + c[k];
        ASSERT_EQ(got[i], want) << "C=" << C;
        ASSERT_EQ(got16[i].bits, Bfloat16(want).bits) << "C=" << C;
        ASSERT_EQ(mixed[i].bits, Bfloat16(want).bits) << "C=" << C;
      }
    });
  }
}

TEST(BatchNorm, WithoutNeuronsEqualsTheFormulaOnEveryTarget) {
  for (const auto& [rows, C] : small_sizes<2>({3, 67})) {
    const auto x = rows_around(1, rows * C), mean = rows_around(0.5f, C), scale = rows_around(2, C),
               shift = rows_around(-1, C), residual = rows_around(3, rows * C), dz = rows_around(0.25f, rows * C);
    std::vector<Bfloat16> x16(x.begin(), x.end());
    std::vector<float> sum(size_t(C), 0), sum_x(size_t(C), 0);
    for (size_t i = 0; i < x.size(); ++i) {
      sum[i % size_t(C)] += dz[i];
      sum_x[i % size_t(C)] += dz[i] * (x[i] - mean[i % size_t(C)]);
    }
    on_every_target([&] {
      std::vector<float> z(x.size()), z16(x.size()), sums[4];
      batch_norm_forward(rows, C, x.data(), scale.data(), shift.data(), residual.data(), z.data());
      batch_norm_forward(rows, C, x16.data(), scale.data(), shift.data(), nullptr, z16.data());
      for (auto& s : sums) s.assign(size_t(C), 0);
      batch_norm_sums(rows, C, x.data(), mean.data(), dz.data(), sums[0].data(), sums[1].data());
      batch_norm_sums(rows, C, x16.data(), mean.data(), dz.data(), sums[2].data(), sums[3].data());
      for (size_t i = 0; i < x.size(); ++i) {
        const float want = scale[i % size_t(C)] * x[i] + shift[i % size_t(C)];
        ASSERT_EQ(z16[i], want) << "C=" << C;
        ASSERT_EQ(z[i], want + residual[i]) << "C=" << C;
      }
      for (const size_t way : {0, 2}) {
        ASSERT_EQ(sums[way], sum) << "C=" << C;
        ASSERT_EQ(sums[way + 1], sum_x) << "C=" << C;
      }
    });
  }
}

}  // namespace
}  // namespace spikemix
