// SPDX-License-Identifier: MIT
#include "spikemix/events/render.h"

#include <png.h>

#include "spikemix/base/file.h"
#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

class RenderTest : public FilesTest {};

// The (first) picture of a file, as libpng reads it.
RgbPicture read_png(const fs::path& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_file(&image, file.c_str())) << image.message;
  image.format = PNG_FORMAT_RGB;
  RgbPicture picture{image.width, image.height, std::vector<uint8_t>(PNG_IMAGE_SIZE(image))};
  EXPECT_TRUE(png_image_finish_read(&image, nullptr, picture.rgb.data(), 0, nullptr)) << image.message;
  return picture;
}

Frames two_frames() {
  // 3 x 2 pixels; frame 0: an on event at (1, 0); frame 1: four off events at (2, 1).
  Frames frames{2, 2, 3, std::vector<uint32_t>(2 * 2 * 6)};
  frames.counts[6 + 1] = 1;
  frames.counts[12 + 3 + 2] = 4;
  return frames;
}

TEST_F(RenderTest, OnIsRedAndOffIsBlue) {
  const auto pictures = draw_frames(two_frames(), 2);
  ASSERT_EQ(pictures.size(), 2u);
  EXPECT_EQ(pictures[0].width, 6);
  EXPECT_EQ(pictures[0].height, 4);
  const auto pixel = [&](size_t t, int64_t x, int64_t y) { return &pictures[t].rgb[size_t(3 * (y * 6 + x))]; };
  for (const auto& [x, y] : {std::pair(2, 0), std::pair(3, 1)}) EXPECT_GT(pixel(0, x, y)[0], pixel(0, x, y)[2] + 50);
  EXPECT_GT(pixel(1, 5, 3)[2], pixel(1, 5, 3)[0] + 50);
  EXPECT_EQ(pixel(1, 0, 0)[0], 255);                // nothing: white
  EXPECT_LT(pixel(1, 5, 3)[0], pixel(0, 2, 0)[2]);  // four events are stronger than one
}

TEST_F(RenderTest, ContactSheet) {
  const RgbPicture sheet = contact_sheet(draw_frames(two_frames(), 1));
  EXPECT_EQ(sheet.width, 3 + 2 + 3);
  EXPECT_EQ(sheet.height, 2);
  EXPECT_EQ(sheet.rgb[3 * 3], 200);  // the line between pictures
  write_png(dir_ / "a.png", {{sheet}});
  EXPECT_EQ(read_png(dir_ / "a.png").rgb, sheet.rgb);
}

TEST_F(RenderTest, Animation) {
  const auto pictures = draw_frames(two_frames(), 3);
  write_png(dir_ / "a.apng", pictures, 40);
  EXPECT_EQ(read_png(dir_ / "a.apng").rgb, pictures[0].rgb);  // what a viewer without animation shows
  const std::string bytes = read_file(dir_ / "a.apng");
  EXPECT_NE(bytes.find(std::string("acTL\0\0\0\2\0\0\0\0", 12)), bytes.npos);
  EXPECT_NE(bytes.find("fdAT"), bytes.npos);
}

}  // namespace
}  // namespace spikemix
