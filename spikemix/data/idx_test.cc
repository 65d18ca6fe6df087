// SPDX-License-Identifier: MIT
#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

Bytes big_endian(uint32_t x) { return {uint8_t(x >> 24), uint8_t(x >> 16), uint8_t(x >> 8), uint8_t(x)}; }

// Three images of 2 x 3 pixels, valued 0 to 17.
Bytes images() {
  Bytes bytes = big_endian(0x803) + big_endian(3) + big_endian(2) + big_endian(3);
  for (uint8_t v = 0; v < 18; ++v) bytes.push_back(v);
  return bytes;
}
Bytes labels() { return big_endian(0x801) + big_endian(3) + Bytes{7, 0, 9}; }

class IdxTest : public FilesTest {
 protected:
  void open_train() const { open_dataset(dir_, Split::kTrain); }
};

TEST_F(IdxTest, ReadsImagesAndLabels) {
  write("train-images-idx3-ubyte", images());
  write("train-labels-idx1-ubyte", labels());
  const auto train = open_dataset(dir_, Split::kTrain);
  ASSERT_EQ(train->size(), 3);
  EXPECT_EQ(train->label(2), 9);
  EXPECT_EQ(train->image(1), (Image{2, 3, 1, {6, 7, 8, 9, 10, 11}}));
  EXPECT_EQ(train->source(1), "train-images-idx3-ubyte record 1");
  EXPECT_EQ(train->classes()[9], "9");
  EXPECT_THROW(open_dataset(dir_, Split::kTest), MissingSplit);
}

TEST_F(IdxTest, ReadsGzipAndTheNameWithADot) {
  write_gzip("t10k-images.idx3-ubyte.gz", images());
  write_gzip("t10k-labels-idx1-ubyte.gz", labels());
  const auto test = open_dataset(dir_, Split::kTest);
  EXPECT_EQ(test->image(2).pixels, (Bytes{12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(test->label(0), 7);
}

TEST_F(IdxTest, NamesFashionClassesIfThePathSaysSo) {
  write("Fashion-MNIST/train-images-idx3-ubyte", images());
  write("Fashion-MNIST/train-labels-idx1-ubyte", labels());
  EXPECT_EQ(open_dataset(dir_ / "Fashion-MNIST", Split::kTrain)->classes()[9], "Ankle boot");
}

TEST_F(IdxTest, RefusesWrongHeaders) {
  write("train-labels-idx1-ubyte", labels());
  write("train-images-idx3-ubyte", big_endian(0x801) + big_endian(3) + Bytes(12));
  expect_input_error([&] { open_train(); }, "train-images-idx3-ubyte: begins with 0x00000801, expected 0x00000803");
  write("train-images-idx3-ubyte", big_endian(0x803) + big_endian(3) + big_endian(0) + big_endian(3));
  expect_input_error([&] { open_train(); }, "size 0 of dimension 1");
  write("train-images-idx3-ubyte", images());
  write("train-labels-idx1-ubyte", big_endian(0x801) + big_endian(2) + Bytes{1, 2});
  expect_input_error([&] { open_train(); }, "train-labels-idx1-ubyte: 2 labels, expected 3");
  write("train-labels-idx1-ubyte", big_endian(0x801) + big_endian(3) + Bytes{1, 2, 10});
  expect_input_error([&] { open_train(); }, "train-labels-idx1-ubyte record 2: label 10, expected 0 to 9");
  fs::remove(dir_ / "train-labels-idx1-ubyte");
  expect_input_error([&] { open_train(); }, "no train-labels-idx1-ubyte");
}

TEST_F(IdxTest, AHugeClaimTakesNoMemory) {  // 2^32 images of 16384 x 16384 in a file of 20 bytes
  write("train-labels-idx1-ubyte", labels());
  const Bytes claim = big_endian(0x803) + big_endian(0xffffffff) + big_endian(16384) + big_endian(16384) + Bytes(4);
  write("train-images-idx3-ubyte", claim);
  expect_input_error([&] { open_train(); }, "4 bytes follow the header, which promises 1152921504338411520");
  fs::remove(dir_ / "train-images-idx3-ubyte");
  write_gzip("train-images-idx3-ubyte.gz", claim);
  expect_input_error([&] { open_train(); }, "4 bytes follow the header, which promises");
}

TEST_F(IdxTest, RefusesEveryOtherLength) {
  for (const bool gzip : {false, true}) {
    const auto put = [&](const std::string& name, const Bytes& bytes) {
      gzip ? write_gzip(name + ".gz", bytes) : write(name, bytes);
    };
    put("train-labels-idx1-ubyte", labels());
    for (size_t size = 0; size <= images().size() + 1; ++size) {
      Bytes bytes = images() + Bytes{0};
      bytes.resize(size);
      put("train-images-idx3-ubyte", bytes);
      if (size == images().size()) {
        EXPECT_NO_THROW(open_train());
      } else {
        EXPECT_THROW(open_train(), InputError) << size << (gzip ? " gzip" : "");
      }
    }
    fs::remove(dir_ / "train-images-idx3-ubyte");
    fs::remove(dir_ / "train-labels-idx1-ubyte");
  }
}

TEST_F(IdxTest, RefusesACutGzip) {
  write("train-labels-idx1-ubyte", labels());
  const Bytes whole = read_bytes(write_gzip("train-images-idx3-ubyte.gz", images()));
  // The last 8 bytes are the checksum and the length.
  for (size_t size = 0; size < whole.size() - 8; ++size) {
    write("train-images-idx3-ubyte.gz", Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size)));
    EXPECT_THROW(open_train(), InputError) << size << " of " << whole.size();
  }
}

TEST(IdxRealData, FashionMnistFromDebian) {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder)) GTEST_SKIP() << "no data: Debian's dataset-fashion-mnist";
  const auto train = open_dataset(folder, Split::kTrain), test = open_dataset(folder, Split::kTest);
  EXPECT_EQ(train->size(), 60000);
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(train->classes()[size_t(train->label(0))], "Ankle boot");
  const Image image = test->image(9999);
  EXPECT_EQ(image.height, 28);
  EXPECT_EQ(image.width, 28);
}

}  // namespace
}  // namespace spikemix
