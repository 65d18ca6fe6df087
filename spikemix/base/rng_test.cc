// SPDX-License-Identifier: MIT
#include "spikemix/base/rng.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace spikemix {
namespace {

// Known answers of Philox 4x32-10 from Random123 (kat_vectors): counter and key all zero.
TEST(Rng, MatchesRandom123) {
  Rng rng(0, Rng::Purpose(0));
  EXPECT_EQ(rng.bits(), 0x6627e8d5u);
  EXPECT_EQ(rng.bits(), 0xe169c58du);
  EXPECT_EQ(rng.bits(), 0xbc57ac4cu);
  EXPECT_EQ(rng.bits(), 0x9b00dbd8u);
}

TEST(Rng, StreamsDiffer) {
  const auto first = [](uint64_t seed, Rng::Purpose purpose, uint64_t index, uint32_t epoch) {
    return Rng(seed, purpose, index, epoch).bits();
  };
  const uint32_t base = first(1, Rng::Purpose::kOrder, 1, 1);
  EXPECT_EQ(base, first(1, Rng::Purpose::kOrder, 1, 1));
  EXPECT_NE(base, first(2, Rng::Purpose::kOrder, 1, 1));
  EXPECT_NE(base, first(1, Rng::Purpose::kAugment, 1, 1));
  EXPECT_NE(base, first(1, Rng::Purpose::kOrder, 2, 1));
  EXPECT_NE(base, first(1, Rng::Purpose::kOrder, 1, 2));
}

// Means and variances compared with those of the distributions, within five standard errors of 100,000 draws.
TEST(Rng, Moments) {
  constexpr int kDraws = 100'000;
  Rng rng(3, Rng::Purpose::kTest);
  const auto moments = [&](auto draw) {
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double x = draw();
      sum += x, squares += x * x;
    }
    const double mean = sum / kDraws;
    return std::pair(mean, squares / kDraws - mean * mean);
  };
  const double error = 5 / std::sqrt(double(kDraws));
  auto [mean, variance] = moments([&] { return rng.uniform(); });
  EXPECT_NEAR(mean, 0.5, error * 0.29);
  EXPECT_NEAR(variance, 1.0 / 12, error * 0.08);
  std::tie(mean, variance) = moments([&] { return rng.normal(2, 3); });
  EXPECT_NEAR(mean, 2, error * 3);
  EXPECT_NEAR(variance, 9, error * 9 * 1.42);
  std::tie(mean, variance) = moments([&] { return rng.beta(0.5); });
  EXPECT_NEAR(mean, 0.5, error * 0.36);
  EXPECT_NEAR(variance, 0.125, error * 0.09);
  std::tie(mean, variance) = moments([&] { return double(rng.below(7)); });
  EXPECT_NEAR(mean, 3, error * 2);
  EXPECT_NEAR(variance, 4, error * 3.5);
}

}  // namespace
}  // namespace spikemix
