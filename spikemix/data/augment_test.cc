// SPDX-License-Identifier: MIT
#include "spikemix/data/augment.h"

#include <cmath>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/data/randaugment.h"

// The fifteen operations are compared with Pillow in tests/test_data.py.
namespace spikemix {
namespace {

using ::testing::ElementsAre;

Image numbered(int64_t height, int64_t width, int64_t channels) {
  Image image{height, width, channels, {}};
  for (int64_t p = 0; p < height * width * channels; ++p) image.pixels.push_back(uint8_t(p + 1));
  return image;
}

TEST(Augment, FlipMirrorsPixelsNotChannels) {
  Image image = numbered(2, 3, 3);
  flip_horizontally(image);
  EXPECT_THAT(image.pixels, ElementsAre(7, 8, 9, 4, 5, 6, 1, 2, 3, 16, 17, 18, 13, 14, 15, 10, 11, 12));
}

TEST(Augment, CropShiftsTheImageAndPadsWithBlack) {
  const Image whole = numbered(4, 5, 3);
  std::map<std::pair<int64_t, int64_t>, int> seen;
  for (uint64_t i = 0; i < 2000; ++i) {
    Image image = whole;
    std::vector<uint8_t> scratch;
    Rng rng(1, Rng::Purpose::kTest, i);
    random_crop(image, 2, rng, scratch);
    // The same draws, in the order that old runs need to repeat: down, then right.
    Rng again(1, Rng::Purpose::kTest, i);
    const int64_t dy = int64_t(again.below(5)) - 2, dx = int64_t(again.below(5)) - 2;
    ++seen[{dy, dx}];
    for (int64_t y = 0; y < 4; ++y) {
      for (int64_t x = 0; x < 5; ++x) {
        const bool inside = y + dy >= 0 && y + dy < 4 && x + dx >= 0 && x + dx < 5;
        const int want = inside ? whole.pixels[size_t(((y + dy) * 5 + x + dx) * 3 + 1)] : 0;
        ASSERT_EQ(image.pixels[size_t((y * 5 + x) * 3 + 1)], want) << dy << " " << dx << " at " << y << " " << x;
      }
    }
  }
  EXPECT_EQ(seen.size(), 25u);
  for (const auto& [shift, count] : seen) EXPECT_NEAR(count, 80, 45) << shift.first << " " << shift.second;  // 5 sigma
}

TEST(Augment, CropWiderThanTheImageMayLeaveNothing) {
  for (uint64_t i = 0; i < 500; ++i) {
    Image image = numbered(2, 2, 1);
    std::vector<uint8_t> scratch;
    Rng rng(2, Rng::Purpose::kTest, i);
    random_crop(image, 5, rng, scratch);
    EXPECT_EQ(image.pixels.size(), 4u);
  }
}

TEST(Augment, NormaliserRefusesInvalidValues) {
  const std::vector<double> one = {0.5}, zero = {0};
  EXPECT_THAT([&] { Normaliser(one, {}, 3); },
              ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("data.mean: 1 values, expected 3")));
  EXPECT_THAT([&] { Normaliser(one, zero, 1); },
              ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("data.std: 0, expected more than 0")));
  EXPECT_THAT(Normaliser({}, {}, 3).fill(), ElementsAre(128, 128, 128));
  const std::vector<double> means = {0.4914, 0.4822, 0.4465};
  EXPECT_THAT(Normaliser(means, {}, 3).fill(), ElementsAre(125, 123, 114));
}

TEST(Augment, ErasesOneRectangleOfTheRequestedShare) {
  constexpr int64_t kSide = 32;
  int erased = 0;
  std::set<int64_t> areas;
  for (uint64_t i = 0; i < 2000; ++i) {
    std::vector<float> image(2 * kSide * kSide, 1);
    Rng rng(3, Rng::Purpose::kTest, i);
    random_erase(image.data(), 2, kSide, kSide, 0.25, rng);
    int64_t top = kSide, left = kSide, bottom = -1, right = -1, zeros = 0;
    for (int64_t y = 0; y < kSide; ++y) {
      for (int64_t x = 0; x < kSide; ++x) {
        ASSERT_EQ(image[size_t(y * kSide + x)], image[size_t((kSide + y) * kSide + x)]) << "channels differ";
        if (image[size_t(y * kSide + x)] != 0) continue;
        ++zeros;
        top = std::min(top, y), bottom = std::max(bottom, y), left = std::min(left, x), right = std::max(right, x);
      }
    }
    if (zeros == 0) continue;
    ++erased;
    areas.insert(zeros);
    const double h = double(bottom - top + 1), w = double(right - left + 1);
    EXPECT_EQ(zeros, int64_t(h * w));                  // a full rectangle
    EXPECT_GE(h * w, 0.02 * kSide * kSide - (h + w));  // the sides are rounded
    EXPECT_LE(h * w, kSide * kSide / 3.0 + (h + w));
  }
  EXPECT_NEAR(erased, 500, 97);  // 5 sigma of a binomial
  EXPECT_GT(areas.size(), 100u);
}

const RandAugmentOp& op(std::string_view name) {
  for (const RandAugmentOp& o : randaugment_ops()) {
    if (o.name == name) return o;
  }
  throw std::runtime_error("no such operation");
}

TEST(RandAugment, ArgumentsEqualTimms) {  // rand-m9-...-inc1 at magnitude 9, by hand
  EXPECT_DOUBLE_EQ(op("Rotate").argument(9, true), -27);
  EXPECT_EQ(op("PosterizeIncreasing").argument(9, false), 1);
  EXPECT_EQ(op("SolarizeIncreasing").argument(9, false), 26);
  EXPECT_EQ(op("SolarizeAdd").argument(9, false), 99);
  EXPECT_DOUBLE_EQ(op("ColorIncreasing").argument(9, false), 1.81);
  EXPECT_DOUBLE_EQ(op("SharpnessIncreasing").argument(9, true), 0.19);
  EXPECT_DOUBLE_EQ(op("BrightnessIncreasing").argument(10, true), 0.1);
  EXPECT_DOUBLE_EQ(op("ShearX").argument(9, false), 0.27);
  EXPECT_DOUBLE_EQ(op("TranslateYRel").argument(9, true), -0.405);
}

TEST(RandAugment, HalfOfTheOperationsAreApplied) {
  // Colours that every operation changes at magnitude 9.
  Image image{16, 16, 3, {}};
  Rng noise(4, Rng::Purpose::kTest);
  for (int p = 0; p < 16 * 16 * 3; ++p) image.pixels.push_back(uint8_t(20 + noise.below(200)));
  AugmentConfig config;
  config.randaugment_magnitude = 9;
  int changed = 0;
  std::set<std::string> results;
  for (uint64_t i = 0; i < 2000; ++i) {
    Image out = image;
    Rng rng(5, Rng::Purpose::kTest, i);
    randaugment(out, config, {128, 128, 128}, rng);
    changed += out != image;
    results.emplace(out.pixels.begin(), out.pixels.end());
  }
  EXPECT_NEAR(changed, 1000, 112);  // 5 sigma
  EXPECT_GT(results.size(), 400u);
}

TEST(RandAugment, MagnitudeIsClippedForAnySpread) {
  AugmentConfig config;
  config.randaugment_magnitude = 9;
  config.randaugment_std = 100;
  config.randaugment_ops = 20;
  for (const int64_t side : {1, 2, 3, 17}) {
    for (const int64_t channels : {1, 3}) {
      for (uint64_t i = 0; i < 50; ++i) {
        Image image = numbered(side, 2 * side, channels);
        Rng rng(6, Rng::Purpose::kTest, i);
        randaugment(image, config, {128, 128, 128}, rng);  // the sanitizers watch
        EXPECT_EQ(image.pixels.size(), size_t(2 * side * side * channels));
      }
    }
  }
}

}  // namespace
}  // namespace spikemix
