// SPDX-License-Identifier: MIT
#include "spikemix/engine/quantize.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<float> random_weights(int64_t n, double mean) {
  Rng rng(1, Rng::Purpose::kTest);
  std::vector<float> w(static_cast<size_t>(n));
  for (float& value : w) value = float(rng.normal(mean, 0.1));
  return w;
}

TEST(Quantize, RoundsToTheNearestAndUsesAllBits) {
  const int64_t out = 4, in = 50;
  const std::vector<float> w = random_weights(out * in, 0);
  for (const auto& [precision, largest] : {std::pair(Precision::kInt8, 63), std::pair(Precision::kInt16, 8191)}) {
    const QuantizedWeights q = quantize(precision, out, in, w.data(), Range::spikes());
    EXPECT_EQ(q.type, precision == Precision::kInt8 ? WeightType::kU8 : WeightType::kU16);
    for (int64_t o = 0; o < out; ++o) {
      int most = 0;
      for (int64_t i = o * in; i < (o + 1) * in; ++i) {
        const float unit = q.unit[size_t(o)];
        EXPECT_LE(std::abs(w[size_t(i)] - unit * float(q.values[size_t(i)])), 0.5001f * unit);
        most = std::max(most, std::abs(int(q.values[size_t(i)])));
      }
      EXPECT_EQ(most, largest);
    }
  }
}

// Sums of int8 weights are computed in int16: they must fit for every weight and every input in the range given to
// quantize().
TEST(Quantize, NoInputCanOverflowInt8Sums) {
  const int64_t out = 3, in = 3000;
  for (const double mean : {0.0, 0.1, -0.3}) {
    const std::vector<float> w = random_weights(out * in, mean);
    for (const int64_t max_input : {1, 5, 253}) {
      const QuantizedWeights q = quantize(Precision::kInt8, out, in, w.data(), Range::whole(0, max_input));
      for (int64_t o = 0; o < out; ++o) {
        // The worst input, by brute force: max_input at every weight of one sign.
        int64_t positive = 0, negative = 0;
        for (int64_t i = o * in; i < (o + 1) * in; ++i) {
          (q.values[size_t(i)] > 0 ? positive : negative) += max_input * q.values[size_t(i)];
        }
        EXPECT_LE(positive, INT16_MAX);
        EXPECT_GE(negative, INT16_MIN);
      }
      EXPECT_EQ(first_overflow(out, in, q.values.data(), 0, max_input), -1);
    }
  }
}

TEST(Quantize, RowsOfZerosAndOfExtremes) {
  const std::vector<float> w = {0,       0,        -0.0f,   0,  //
                                1e-45f,  0,        -1e-45f, 0,  // below the smallest unit: zeros
                                3.4e38f, -3.4e38f, 1,       0,  //
                                2,       1.5f,     -1.5f,   0.5f};
  const QuantizedWeights q = quantize(Precision::kInt8, 4, 4, w.data(), Range::spikes());
  EXPECT_THAT(std::vector(q.values.begin(), q.values.begin() + 8), Each(0));
  EXPECT_THAT(std::vector(q.values.begin() + 8, q.values.begin() + 12), ElementsAre(63, -63, 0, 0));
  EXPECT_THAT(std::vector(q.values.begin() + 12, q.values.end()), ElementsAre(63, 47, -47, 16));
  for (const float unit : q.unit) EXPECT_TRUE(std::isfinite(unit) && unit > 0) << unit;
}

}  // namespace
}  // namespace spikemix
