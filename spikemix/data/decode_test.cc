// SPDX-License-Identifier: MIT
#include "spikemix/data/decode.h"

#include "spikemix/data/files_test.h"

// The decoded variants of each format are compared with Pillow in tests/test_pictures.py.
namespace spikemix {
namespace {

Image gradient(int64_t height, int64_t width, int64_t channels) {
  Image image{height, width, channels, {}};
  for (int64_t p = 0; p < height * width * channels; ++p) image.pixels.push_back(uint8_t(p * 3));
  return image;
}

class DecodeTest : public FilesTest {};

TEST_F(DecodeTest, PngComesBackAsWritten) {
  for (const int64_t channels : {1, 3}) {
    const Image image = gradient(5, 7, channels);
    write_png(dir_ / "a.png", image);
    EXPECT_EQ(read_image(dir_ / "a.png"), image);
  }
}

TEST_F(DecodeTest, JpegComesBackNearly) {
  Image image{16, 24, 3, {}};
  for (int64_t p = 0; p < 16 * 24; ++p) image.pixels.insert(image.pixels.end(), {uint8_t(p % 24 * 8), 100, 30});
  const Image got = decode_image(encode_jpeg(image), "a");
  ASSERT_EQ(got.pixels.size(), image.pixels.size());
  for (size_t p = 0; p < got.pixels.size(); ++p) EXPECT_NEAR(got.pixels[p], image.pixels[p], 6) << p;
}

TEST_F(DecodeTest, EveryCutIsRefused) {
  write_png(dir_ / "a.png", gradient(9, 9, 3));
  const Bytes png = read_bytes(dir_ / "a.png"), photo = encode_jpeg(gradient(24, 24, 3));
  for (size_t size = 0; size < png.size() - 12; ++size) {  // the last 12 bytes are the end mark
    EXPECT_THROW(decode_image(std::span(png).first(size), "a"), InputError) << size << " of " << png.size();
  }
  for (size_t size = 0; size < photo.size() - 2; ++size) {
    EXPECT_THROW(decode_image(std::span(photo).first(size), "a"), InputError) << size << " of " << photo.size();
  }
}

TEST_F(DecodeTest, NamesTheFileAndWhatItBeginsWith) {
  expect_input_error([&] { read_image(write("a.jpg", std::string("GARB89a"))); },
                     "a.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or PPM picture: it begins with 47 41 52 42");
  expect_input_error([&] { read_image(write("b.jpg", Bytes())); }, "b.jpg: an empty file");
  expect_input_error([&] { read_image(dir_ / "none.jpg"); }, "none.jpg: no such file");
  expect_input_error([&] { read_image(dir_); }, dir_.string());
}

TEST_F(DecodeTest, AHugeClaimTakesNoMemory) {
  Bytes bytes = encode_jpeg(gradient(16, 16, 1));
  for (size_t i = 0; i + 8 < bytes.size(); ++i) {  // the frame header: FF C0, length, precision, height, width
    if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0) bytes[i + 5] = bytes[i + 7] = 0x80;
  }
  expect_input_error([&] { decode_image(bytes, "a.jpg"); }, "a.jpg: 32784 x 32784 pixels, at most 134217728 are read");
}

TEST_F(DecodeTest, StrayBytesBetweenSegmentsAreSkipped) {
  Bytes bytes = encode_jpeg(gradient(16, 16, 1));
  const Image whole = decode_image(bytes, "a");
  bytes.insert(bytes.end() - 2, {0x12, 0x34});  // before the end mark
  EXPECT_EQ(decode_image(bytes, "a"), whole);
}

TEST_F(DecodeTest, AFailedWriteLeavesTheOldFile) {
  const fs::path file = dir_ / "a.png";
  write_png(file, gradient(3, 3, 1));
  EXPECT_THROW(write_png(file, Image{0, 0, 1, {}}), RunError);  // libpng refuses it
  EXPECT_EQ(read_image(file), gradient(3, 3, 1));
  EXPECT_FALSE(fs::exists(dir_ / "a.png.part"));
  EXPECT_THROW(write_png(dir_ / "no" / "a.png", gradient(3, 3, 1)), InputError);
}

}  // namespace
}  // namespace spikemix
