// SPDX-License-Identifier: MIT
#include <gif_lib.h>
#include <tiffio.h>
#include <webp/encode.h>

#include "spikemix/base/rng.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/files_test.h"

// Damaged files of every kind, from a fixed seed: each gives an InputError or an image of the right size, and nothing
// for the sanitizers to report.
namespace spikemix {
namespace {

class FuzzTest : public FilesTest {
 protected:
  // Changes one to four bytes; one file in four is cut, and one in four has bytes inserted.
  static Bytes mutate(Bytes bytes, Rng& rng) {
    for (uint64_t n = 1 + rng.below(4); n > 0; --n) {
      // Half of the changes are in the first bytes, where the headers are.
      const size_t where = rng.below(rng.coin() ? std::min<size_t>(64, bytes.size()) : bytes.size());
      constexpr uint8_t kNasty[] = {0, 1, 0x7F, 0x80, 0xFF};
      bytes[where] = rng.coin() ? kNasty[rng.below(5)] : uint8_t(rng.bits());
    }
    if (rng.coin(0.25)) bytes.resize(rng.below(bytes.size()));
    if (rng.coin(0.25)) bytes.insert(bytes.begin() + std::ptrdiff_t(rng.below(bytes.size() + 1)), rng.below(9), 0xFF);
    return bytes;
  }

  // Runs `use` on mutations; whatever it throws must be an InputError. Some mutations must be accepted and some
  // refused, otherwise they test nothing.
  static void run(const Bytes& bytes, int count, const std::function<void(const Bytes&)>& use) {
    int refused = 0;
    for (int i = 0; i < count; ++i) {
      Rng rng(7, Rng::Purpose::kTest, uint64_t(i));
      try {
        use(mutate(bytes, rng));
      } catch (const InputError& e) {
        ++refused;
        EXPECT_STRNE(e.what(), "");
      } catch (const std::exception& e) {
        ADD_FAILURE() << "mutation " << i << ": " << e.what();
      }
    }
    EXPECT_GT(refused, count / 20);
    EXPECT_LT(refused, count);
  }

  static void check_image(const Image& image) {
    EXPECT_GT(image.pixels.size(), 0u);
    EXPECT_EQ(image.pixels.size(), size_t(image.height * image.width * image.channels));
    EXPECT_TRUE(image.channels == 1 || image.channels == 3);
  }

  static void check_dataset(const Dataset& data) {
    for (int64_t i = 0; i < data.size(); ++i) {
      EXPECT_LT(data.label(i), int64_t(data.classes().size()));
      check_image(data.image(i));
    }
  }

  static Image picture() {
    Image image{16, 16, 3, {}};
    Rng rng(8, Rng::Purpose::kTest);
    for (int p = 0; p < 16 * 16 * 3; ++p) image.pixels.push_back(uint8_t(rng.bits()));
    return image;
  }
};

TEST_F(FuzzTest, Png) {
  write_png(dir_ / "a.png", picture());
  run(read_bytes(dir_ / "a.png"), 1500, [](const Bytes& bytes) { check_image(decode_image(bytes, "a")); });
}

TEST_F(FuzzTest, Jpeg) {
  for (const bool progressive : {false, true}) {
    const Bytes bytes = encode_jpeg(picture(), progressive);
    run(bytes, 800, [](const Bytes& mutated) {
      // A frame of 65535 x 2000 pixels is valid, but 800 of them are not a quick test.
      for (size_t i = 0; i + 8 < mutated.size(); ++i) {
        const bool frame = mutated[i] == 0xFF && mutated[i + 1] >= 0xC0 && mutated[i + 1] <= 0xC2;
        if (frame && (mutated[i + 5] > 1 || mutated[i + 7] > 1)) throw input_error("too large for this test");
      }
      check_image(decode_image(mutated, "a"));
    });
  }
}

TEST_F(FuzzTest, WebP) {
  const Image image = picture();
  for (const bool lossless : {true, false}) {
    uint8_t* out = nullptr;
    const size_t size = lossless ? WebPEncodeLosslessRGB(image.pixels.data(), 16, 16, 48, &out)
                                 : WebPEncodeRGB(image.pixels.data(), 16, 16, 48, 80, &out);
    const Bytes bytes(out, out + size);
    WebPFree(out);
    run(bytes, 800, [](const Bytes& mutated) { check_image(decode_image(mutated, "a")); });
  }
}

TEST_F(FuzzTest, Gif) {
  const fs::path file = dir_ / "a.gif";
  int error = 0;
  GifFileType* gif = EGifOpenFileName(file.c_str(), false, &error);
  std::vector<GifColorType> colours(16, {1, 2, 3});
  ColorMapObject* map = GifMakeMapObject(16, colours.data());
  EGifPutScreenDesc(gif, 16, 16, 4, 0, map);
  EGifPutImageDesc(gif, 2, 1, 9, 12, true, nullptr);
  std::vector<GifPixelType> row = {1, 2, 3, 4, 15, 14, 1, 1, 9};
  for (int y = 0; y < 12; ++y) EGifPutLine(gif, row.data(), 9);
  GifFreeMapObject(map);
  EGifCloseFile(gif, &error);
  run(read_bytes(file), 1500, [](const Bytes& mutated) {
    if (mutated.size() > 10 && (mutated[7] > 2 || mutated[9] > 2)) throw input_error("too large for this test");
    check_image(decode_image(mutated, "a"));
  });
}

TEST_F(FuzzTest, Tiff) {
  const Image image = picture();
  for (const int compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_JPEG}) {
    const fs::path file = dir_ / "a.tif";
    TIFF* tiff = TIFFOpen(file.c_str(), "w");
    const std::vector<std::pair<int, int>> tags = {
        {TIFFTAG_IMAGEWIDTH, 16},           {TIFFTAG_IMAGELENGTH, 16},
        {TIFFTAG_BITSPERSAMPLE, 8},         {TIFFTAG_SAMPLESPERPIXEL, 3},
        {TIFFTAG_ROWSPERSTRIP, 8},          {TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB},
        {TIFFTAG_COMPRESSION, compression}, {TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG}};
    for (const auto& [tag, value] : tags) {
      TIFFSetField(tiff, uint32_t(tag), value);
    }
    for (uint32_t y = 0; y < 16; ++y) TIFFWriteScanline(tiff, const_cast<uint8_t*>(&image.pixels[48 * y]), y, 0);
    TIFFClose(tiff);
    run(read_bytes(file), 800, [](const Bytes& mutated) { check_image(decode_image(mutated, "a")); });
  }
}

TEST_F(FuzzTest, Bmp) {
  const auto bmp = [](uint8_t bits, uint8_t compression, const Bytes& colours, const Bytes& pixels) {
    const auto start = uint8_t(54 + colours.size());
    return Bytes{'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, start, 0,    0, 0,           40, 0, 0,
                 0,   6,   0, 0, 0, 4, 0, 0, 0, 1, 0,     bits, 0, compression, 0,  0, 0} +
           Bytes(20) + colours + pixels;
  };
  const Bytes runs = {6, 3, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 2, 7, 0, 2, 1, 1, 4, 1, 0, 1};
  for (const Bytes& whole : {bmp(24, 0, {}, Bytes(80, 77)), bmp(16, 3, Bytes(12, 3), Bytes(48, 9)),
                             bmp(8, 1, Bytes(64, 5), runs), bmp(4, 2, Bytes(64, 5), runs)}) {
    check_image(decode_image(whole, "a"));
    run(whole, 800, [](const Bytes& mutated) { check_image(decode_image(mutated, "a")); });
  }
}

TEST_F(FuzzTest, Ppm) {
  for (const std::string text : {"P2 # grey\n3 2 100\n1 2 3 100 5 6\n", "P5 6 2 255\nabcdefghijkl", "P4 9 3\nabcdef",
                                 "P6 2 2 65535\nabcdefghijklmnopqrstuvwx", "P1 3 1 101"}) {
    run(Bytes(text.begin(), text.end()), 500, [](const Bytes& mutated) { check_image(decode_image(mutated, "a")); });
  }
}

TEST_F(FuzzTest, Idx) {
  const Bytes labels = {0, 0, 8, 1, 0, 0, 0, 2, 3, 4};
  write("train-labels-idx1-ubyte", labels);
  run({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 200,
      [&](const Bytes& bytes) {
        write("train-images-idx3-ubyte", bytes);
        check_dataset(*open_dataset(dir_, Split::kTrain));
      });
  write("train-images-idx3-ubyte", Bytes{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4});
  fs::remove(dir_ / "train-labels-idx1-ubyte");
  run(read_bytes(write_gzip("train-labels-idx1-ubyte.gz", labels)), 200, [&](const Bytes& bytes) {
    write("train-labels-idx1-ubyte.gz", bytes);
    check_dataset(*open_dataset(dir_, Split::kTrain));
  });
}

TEST_F(FuzzTest, CifarAndItsArchive) {
  Bytes records(2 * 3073);
  for (size_t i = 1; i < records.size(); ++i) records[i] = uint8_t(i * i % 251);
  records[3073] = 9;
  run(records, 200, [&](const Bytes& bytes) {
    write("test_batch.bin", bytes);
    check_dataset(*open_dataset(dir_, Split::kTest));
  });
  fs::remove(dir_ / "test_batch.bin");
  const fs::path tar = write_tar("cifar-10-binary.tar.gz", {{"cifar-10-batches-bin/test_batch.bin", records}});
  run(read_bytes(tar), 200, [&](const Bytes& bytes) {
    write("cifar-10-binary.tar.gz", bytes);
    check_dataset(*open_dataset(dir_, Split::kTest));
  });
}

TEST_F(FuzzTest, ImageFolderTar) {
  write_png(dir_ / "a.png", picture());
  const Bytes png = read_bytes(dir_ / "a.png");
  const fs::path tar =
      write_tar("a.tar", {{"train/cat/1.png", png}, {"train/dog/1.png", png}, {"test/dog/2.png", png}});
  run(read_bytes(tar), 200, [&](const Bytes& bytes) {
    write("a.tar", bytes);
    check_dataset(*open_dataset(tar, Split::kTrain));
    check_dataset(*open_dataset(tar, Split::kTest));
  });
}

}  // namespace
}  // namespace spikemix
