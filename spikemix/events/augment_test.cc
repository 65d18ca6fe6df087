// SPDX-License-Identifier: MIT
#include "spikemix/events/augment.h"

#include <numeric>

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"

namespace spikemix {
namespace {

Frames some_frames() {
  const SensorSize sensor{24, 16};
  return integrate(encode::random_events(3000, sensor), sensor, {.T = 2});
}

constexpr FrameAugmentation kOff = {.flip = 0, .roll = 0, .rotate = 0, .shear = 0, .cutout = 0, .scale = 0};

Frames augmented(FrameAugmentation augmentation, uint64_t seed) {
  Frames frames = some_frames();
  Rng rng(seed, Rng::Purpose::kTest);
  augment(frames, augmentation, rng);
  return frames;
}

TEST(AugmentFrames, OffChangesNothingAndSeedsDecide) {
  EXPECT_EQ(augmented(kOff, 1).counts, some_frames().counts);
  EXPECT_EQ(augmented({}, 1).counts, augmented({}, 1).counts);
  EXPECT_NE(augmented({}, 1).counts, augmented({}, 2).counts);
}

TEST(AugmentFrames, FlipMirrorsEveryPlane) {
  FrameAugmentation flip = kOff;
  flip.flip = 1;
  const Frames before = some_frames(), after = augmented(flip, 1);
  for (size_t row = 0; row < before.counts.size(); row += 24) {
    for (size_t x = 0; x < 24; ++x) ASSERT_EQ(after.counts[row + x], before.counts[row + 23 - x]);
  }
}

TEST(AugmentFrames, RollKeepsAllAndMovesAllPlanesAlike) {
  FrameAugmentation roll = kOff;
  roll.roll = 3;
  const Frames before = some_frames(), after = augmented(roll, 4);
  int matches = 0;  // of the 7 x 7 possible rolls, one fits all planes
  for (int64_t down = -3; down <= 3; ++down) {
    for (int64_t right = -3; right <= 3; ++right) {
      bool same = true;
      for (int64_t plane = 0; plane < 4; ++plane) {
        for (int64_t y = 0; y < 16; ++y) {
          for (int64_t x = 0; x < 24; ++x) {
            same &= after.counts[size_t((plane * 16 + (y + down + 16) % 16) * 24 + (x + right + 24) % 24)] ==
                    before.counts[size_t((plane * 16 + y) * 24 + x)];
          }
        }
      }
      matches += same;
    }
  }
  EXPECT_EQ(matches, 1);
}

TEST(AugmentFrames, EachKindChangesWhatItShould) {
  const Frames before = some_frames();
  const auto zeros = [](const Frames& f) { return std::ranges::count(f.counts, 0u); };
  FrameAugmentation cutout = kOff;
  cutout.cutout = 6;
  const Frames cut = augmented(cutout, 1);
  EXPECT_GT(zeros(cut), zeros(before));
  for (size_t i = 0; i < cut.counts.size(); ++i) ASSERT_TRUE(cut.counts[i] == before.counts[i] || cut.counts[i] == 0);
  FrameAugmentation rotate = kOff, shear = kOff, scale = kOff;
  rotate.rotate = 30, shear.shear = 30, scale.scale = 0.3;
  for (const FrameAugmentation& kind : {rotate, shear, scale}) {
    const Frames after = augmented(kind, 3);
    EXPECT_NE(after.counts, before.counts);
    // Near the middle hardly anything moves.
    EXPECT_EQ(after.counts[size_t(8 * 24 + 12)], before.counts[size_t(8 * 24 + 12)]);
  }
}

TEST(AugmentEvents, DropFlipMirrorJitter) {
  const SensorSize sensor{20, 10};
  const auto before = encode::random_events(10000, sensor);
  const auto changed = [&](const EventAugmentation& augmentation) {
    auto events = before;
    Rng rng(1, Rng::Purpose::kTest);
    augment(events, sensor, augmentation, rng);
    return events;
  };
  EXPECT_EQ(changed({}), before);
  EXPECT_NEAR(double(changed({.drop = 0.3}).size()), 7000, 250);
  const auto flipped = changed({.polarity_flip = 1, .mirror = 1});
  for (size_t i = 0; i < before.size(); ++i) {
    ASSERT_EQ(flipped[i].p, 1 - before[i].p);
    ASSERT_EQ(flipped[i].x, 19 - before[i].x);
  }
  const auto jittered = changed({.jitter_us = 50});
  EXPECT_TRUE(std::ranges::is_sorted(jittered, {}, &Event::t));
  EXPECT_NE(jittered, before);
  EXPECT_EQ(changed({.drop = 0.3, .jitter_us = 50}), changed({.drop = 0.3, .jitter_us = 50}));
}

}  // namespace
}  // namespace spikemix
