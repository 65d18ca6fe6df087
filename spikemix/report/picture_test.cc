// SPDX-License-Identifier: MIT
#include "spikemix/report/picture.h"

#include <gmock/gmock.h>

namespace spikemix::reports {
namespace {

using testing::ElementsAre;

std::string encoded(std::string_view text) {
  return base64(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

// RFC 4648, section 10.
TEST(Base64, OfTheRfc) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
}

// 2 steps, 1 x 2 places, 3 channels.
LayerSpikes layer() { return {"l", 2, 1, 2, 3, {1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1}}; }

std::vector<int> reds(const RgbPicture& picture) {
  std::vector<int> red;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) red.push_back(picture.rgb[i]);
  return red;
}

TEST(Raster, HasAPixelForEachSpike) {
  const Raster drawn = raster(layer());
  EXPECT_EQ(drawn.tokens, 2);
  EXPECT_EQ(drawn.channels, 3);
  ASSERT_EQ(drawn.picture.width, 5);                                    // two places, a line, two places
  EXPECT_THAT(reds(drawn.picture), ElementsAre(16, 255, 160, 16, 255,   //
                                               255, 255, 160, 16, 255,  //
                                               255, 255, 160, 16, 16));
}

TEST(Raster, OfAWideLayerFitsThePage) {
  LayerSpikes wide{"w", 4, 32, 32, 384, std::vector<int16_t>(4 * 1024 * 384, 1)};
  const Raster drawn = raster(wide);
  EXPECT_LE(drawn.picture.width, 240);
  EXPECT_LE(drawn.picture.height, 64);
  EXPECT_LT(drawn.tokens, 1024);
}

TEST(FiringMap, IsDarkestWhereMostChannelsFire) {
  EXPECT_THAT(reds(firing_map(layer())), ElementsAre(175, 255, 160, 16, 175));  // 1 and 0, then 3 and 1 of 3
}

TEST(FiringMap, OfManyStepsAndPixelsFitsThePage) {
  LayerSpikes large{"w", 16, 128, 128, 2, std::vector<int16_t>(16 * 128 * 128 * 2)};
  large.spikes[0] = large.spikes[2] = 1;  // two places of one square
  const RgbPicture map = firing_map(large);
  EXPECT_LE(map.width, 16 * 41);
  EXPECT_EQ(map.height, 32);
  EXPECT_EQ(map.rgb[0], 16);
  EXPECT_EQ(map.rgb[3], 255);
}

TEST(Picture, KeepsItsShapeWhenReduced) {
  const RgbPicture small = small_picture({100, 200, 1, std::vector<uint8_t>(20000, 7)}, 50);
  EXPECT_EQ(small.height, 25);
  EXPECT_EQ(small.width, 50);
  EXPECT_EQ(small.rgb, std::vector<uint8_t>(3 * 25 * 50, 7));
}

}  // namespace
}  // namespace spikemix::reports
