// SPDX-License-Identifier: MIT
#include "spikemix/report/spectrum.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <random>

#include <gmock/gmock.h>

namespace spikemix::reports {
namespace {

TEST(Spectrum, AConstantHasOnlyFrequencyZero) {
  const Spectrum s = token_spectrum(std::vector<float>(2 * 4 * 4 * 3, 2.0f), 4, 4, 3);
  EXPECT_NEAR(s.power[0], 4, 1e-12);
  for (size_t r = 1; r < s.power.size(); ++r) EXPECT_NEAR(s.power[r], 0, 1e-12);
}

TEST(Spectrum, AWaveHasItsOwnFrequency) {
  constexpr int64_t kSize = 8;
  std::vector<float> wave;
  for (int64_t y = 0; y < kSize; ++y) {
    for (int64_t x = 0; x < kSize; ++x) wave.push_back(float(std::cos(2 * std::numbers::pi * 2 * double(x) / kSize)));
  }
  const Spectrum s = token_spectrum(wave, kSize, kSize, 1);
  ASSERT_EQ(s.frequency[2], 0.25);
  for (size_t r = 0; r < s.power.size(); ++r) EXPECT_NEAR(s.power[r], r == 2 ? 0.5 : 0, 1e-9);
}

TEST(Spectrum, RingsSumToTheMeanSquare) {
  std::mt19937 random(0);
  std::normal_distribution<float> normal;
  std::vector<float> values(3 * 5 * 7 * 4);  // neither square nor even
  for (float& value : values) value = normal(random);
  const Spectrum s = token_spectrum(values, 5, 7, 4);
  const double square = std::inner_product(values.begin(), values.end(), values.begin(), 0.0) / double(values.size());
  EXPECT_NEAR(std::accumulate(s.power.begin(), s.power.end(), 0.0), square, 1e-5);
}

TEST(Spectrum, OfOneToken) { EXPECT_EQ(token_spectrum(std::vector<float>{3}, 1, 1, 1).power, std::vector<double>{9}); }

}  // namespace
}  // namespace spikemix::reports
