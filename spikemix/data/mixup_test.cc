// SPDX-License-Identifier: MIT
#include "spikemix/data/mixup.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(Mix, OneOfTheTwoForEachBatch) {
  const auto cuts = [](const AugmentConfig& augment) {
    int cut = 0;
    for (uint64_t k = 0; k < 1000; ++k) {
      Rng rng(3, Rng::Purpose::kMixup, k);
      const Mix mix = draw_mix(augment, 32, 32, rng);
      EXPECT_GE(mix.lambda, 0);
      EXPECT_LE(mix.lambda, 1);
      cut += mix.cut;
    }
    return cut;
  };
  EXPECT_EQ(cuts({.mixup = 0.5}), 0);
  EXPECT_EQ(cuts({.cutmix = 1}), 1000);
  EXPECT_NEAR(cuts({.mixup = 0.5, .cutmix = 1}), 500, 60);
  EXPECT_NEAR(cuts({.mixup = 0.5, .cutmix = 1, .switch_prob = 0.2}), 200, 50);
  Rng rng(3, Rng::Purpose::kMixup);
  EXPECT_EQ(draw_mix({}, 32, 32, rng).lambda, 1);
}

// The reason for timm's correct_lam: a box that extends past the edge takes less than lambda says.
TEST(Mix, LambdaIsWhatTheBoxLeaves) {
  EXPECT_EQ(box_around(4, 4, 8, 8, 0.75), (Box{2, 6, 2, 6}));
  EXPECT_EQ(box_around(0, 7, 8, 8, 0.75), (Box{0, 2, 5, 8}));
  for (uint64_t k = 0; k < 100; ++k) {
    Rng rng(3, Rng::Purpose::kMixup, k);
    const Mix mix = draw_mix({.cutmix = 1}, 16, 32, rng);
    EXPECT_DOUBLE_EQ(mix.lambda, 1 - double(mix.box.area()) / (16 * 32));
  }
}

}  // namespace
}  // namespace spikemix
