// SPDX-License-Identifier: MIT
#include "spikemix/data/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/rng.h"

// Results are compared with Pillow in tests/test_data.py.
namespace spikemix {
namespace {

TEST(Resize, AnImageThatFitsIsUnchanged) {
  const Image image{2, 3, 1, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(fit(image, 2, 3, 1), image);
}

TEST(Resize, AFlatImageStaysFlatAtEverySize) {
  for (uint64_t i = 0; i < 300; ++i) {
    Rng rng(1, Rng::Purpose::kTest, i);
    const auto side = [&] { return int64_t(1 + rng.below(rng.coin(0.1) ? 2000 : 40)); };
    const int64_t height = side(), width = side(), channels = rng.coin() ? 1 : 3;
    const Image in{height, width, channels, std::vector<uint8_t>(size_t(height * width * channels), 77)};
    const int64_t to_height = 1 + int64_t(rng.below(40)), to_width = 1 + int64_t(rng.below(40));
    const Image out = fit(in, to_height, to_width, 3);
    ASSERT_EQ(out.height, to_height);
    ASSERT_EQ(out.width, to_width);
    ASSERT_EQ(out.pixels, std::vector<uint8_t>(size_t(to_height * to_width * 3), 77))
        << height << " x " << width << " to " << to_height << " x " << to_width;
  }
}

TEST(Resize, KeepsTheMiddle) {
  // Columns 0 0 9 9 9 9 0 0 of a 4 x 8 image; a square takes the four in the middle.
  Image image{4, 8, 1, std::vector<uint8_t>(32)};
  for (size_t p = 0; p < 32; ++p) image.pixels[p] = p % 8 >= 2 && p % 8 < 6 ? 9 : 0;
  EXPECT_EQ(fit(image, 4, 4, 1).pixels, std::vector<uint8_t>(16, 9));
}

}  // namespace
}  // namespace spikemix
