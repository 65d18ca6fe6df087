// SPDX-License-Identifier: MIT
#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

// A record whose value at (plane c, row y, column x) identifies that place.
Bytes record(Bytes labels, uint8_t seed) {
  for (int c = 0; c < 3; ++c) {
    for (int p = 0; p < 1024; ++p) labels.push_back(uint8_t(seed + 80 * c + p / 32 * 2 + p % 32));
  }
  return labels;
}

class CifarTest : public FilesTest {
 protected:
  void write_batches(const std::string& folder) const {
    for (uint8_t b = 1; b <= 5; ++b) {
      write(folder + "/data_batch_" + std::to_string(b) + ".bin", record({b}, b) + record({0}, uint8_t(10 * b)));
    }
    write(folder + "/test_batch.bin", record({9}, 7));
  }
};

TEST_F(CifarTest, ReadsPlanesAsPixelsInTheOrderOfTheFiles) {
  write_batches("cifar-10-batches-bin");
  const auto train = open_dataset(dir_ / "cifar-10-batches-bin", Split::kTrain);
  ASSERT_EQ(train->size(), 10);
  EXPECT_EQ(train->label(4), 3);
  EXPECT_THAT(train->source(5), ::testing::EndsWith("data_batch_3.bin record 1"));
  const Image image = train->image(4);
  EXPECT_EQ(image.height, 32);
  EXPECT_EQ(image.width, 32);
  ASSERT_EQ(image.channels, 3);
  for (const auto& [y, x, c] : {std::array{0, 0, 0}, {0, 31, 1}, {31, 0, 2}, {17, 5, 1}}) {
    EXPECT_EQ(image.pixels[size_t((y * 32 + x) * 3 + c)], uint8_t(3 + 80 * c + 2 * y + x)) << y << " " << x << " " << c;
  }
  const auto test = open_dataset(dir_, Split::kTest);  // the parent folder
  EXPECT_EQ(test->size(), 1);
  EXPECT_EQ(test->label(0), 9);
  EXPECT_THAT(test->classes(), ::testing::ElementsAre("airplane", "automobile", "bird", "cat", "deer", "dog", "frog",
                                                      "horse", "ship", "truck"));
}

TEST_F(CifarTest, ArchiveAsDownloadedEqualsItsFolder) {
  write_batches("folder");
  std::vector<Member> members;
  for (const auto& file : fs::directory_iterator(dir_ / "folder")) {
    members.push_back({"cifar-10-batches-bin/" + file.path().filename().string(), read_bytes(file.path())});
  }
  const fs::path tar = write_tar("cifar-10-binary.tar.gz", members);
  const auto a = open_dataset(tar, Split::kTrain), b = open_dataset(dir_ / "folder", Split::kTrain);
  ASSERT_EQ(a->size(), b->size());
  for (int64_t i = 0; i < a->size(); ++i) {
    EXPECT_EQ(a->label(i), b->label(i));
    EXPECT_EQ(a->image(i), b->image(i));
  }
  fs::remove_all(dir_ / "folder");
  EXPECT_EQ(open_dataset(dir_, Split::kTest)->size(), 1);  // the parent folder
}

TEST_F(CifarTest, Cifar100TakesTheFineLabelAndItsNames) {
  write("cifar-100-binary/train.bin", record({19, 99}, 1) + record({1, 0}, 2));
  const auto train = open_dataset(dir_ / "cifar-100-binary", Split::kTrain);
  EXPECT_EQ(train->size(), 2);
  EXPECT_EQ(train->label(0), 99);
  ASSERT_EQ(train->classes().size(), 100u);
  EXPECT_EQ(train->classes()[0], "apple");
  EXPECT_EQ(train->classes()[50], "mouse");
  EXPECT_EQ(train->classes()[99], "worm");
  EXPECT_TRUE(std::ranges::is_sorted(train->classes()));
  EXPECT_EQ(train->image(1).pixels[0], 2);
  EXPECT_THROW(open_dataset(dir_, Split::kTest), MissingSplit);
}

TEST_F(CifarTest, TakesClassNamesFromTheirFile) {
  write("test_batch.bin", record({1}, 0));
  write("batches.meta.txt", std::string("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n"));
  EXPECT_EQ(open_dataset(dir_, Split::kTest)->classes()[1], "b");
  write("batches.meta.txt", std::string("a\nb\n"));
  expect_input_error([&] { open_dataset(dir_, Split::kTest); }, "batches.meta.txt: 2 class names, expected 10");
}

TEST_F(CifarTest, SaysWhatIsMissing) {
  write("test_batch.bin", record({1}, 0));
  EXPECT_THROW(open_dataset(dir_, Split::kTrain), MissingSplit);
  expect_input_error([&] { open_dataset(dir_, Split::kTrain); }, "data_batch_1.bin, data_batch_2.bin");
  write("data_batch_2.bin", record({1}, 0));
  expect_input_error([&] { open_dataset(dir_, Split::kTrain); },
                     "missing data_batch_1.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, the training");
}

TEST_F(CifarTest, RefusesDamagedFiles) {
  Bytes cut = record({1}, 0) + record({2}, 0);
  cut.pop_back();
  write("test_batch.bin", cut);
  expect_input_error([&] { open_dataset(dir_, Split::kTest); },
                     "test_batch.bin: 6145 bytes, expected a multiple of 3073, a CIFAR-10 record");
  write("test_batch.bin", Bytes());
  expect_input_error([&] { open_dataset(dir_, Split::kTest); }, "test_batch.bin: 0 bytes");
  write("test_batch.bin", record({1}, 0) + record({10}, 0));
  expect_input_error([&] { open_dataset(dir_, Split::kTest); }, "test_batch.bin record 1: label 10, expected 0 to 9");
  write("c100/test.bin", record({1, 100}, 0));
  expect_input_error([&] { open_dataset(dir_ / "c100", Split::kTest); },
                     "test.bin record 0: label 100, expected 0 to 99");
}

TEST_F(CifarTest, RefusesACutArchive) {
  // Pixels that do not compress, so that every cut falls into data.
  Bytes noise = record({1}, 0);
  uint32_t state = 1;
  for (size_t i = 1; i < noise.size(); ++i) noise[i] = uint8_t((state = state * 1664525 + 1013904223) >> 24);
  const fs::path tar = write_tar("cifar-10-binary.tar.gz", {{"cifar-10-batches-bin/test_batch.bin", noise}});
  const Bytes whole = read_bytes(tar);
  for (const size_t size : {whole.size() / 2, whole.size() * 9 / 10, size_t{30}, size_t{0}}) {
    write("cifar-10-binary.tar.gz", Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(size)));
    EXPECT_THROW(open_dataset(tar, Split::kTest), InputError) << size << " of " << whole.size();
  }
}

TEST_F(CifarTest, RefusesPythonPicklesAndNamesTheArchiveToGet) {
  for (const char* folder : {"cifar-10-batches-py", "renamed"}) {
    write(folder + std::string("/data_batch_1"), Bytes{0x80});
    write(folder + std::string("/batches.meta"), Bytes{0x80});
  }
  write("cifar-100-python/train", Bytes{0x80});
  write("cifar-100-python/meta", Bytes{0x80});
  write("archive/cifar-10-python.tar.gz", Bytes{0x1f});
  write("browser/cifar-10-python (1).tar.gz", Bytes{0x1f});
  for (const char* place : {"cifar-10-batches-py", "renamed", "archive", "archive/cifar-10-python.tar.gz", "browser",
                            "browser/cifar-10-python (1).tar.gz", "."}) {
    expect_input_error([&] { open_dataset(dir_ / place, Split::kTrain); },
                       "for Python; get the binary version, cifar-10-binary.tar.gz");
  }
  expect_input_error([&] { open_dataset(dir_ / "cifar-100-python", Split::kTest); }, "cifar-100-binary.tar.gz");
  write_batches("cifar-10-batches-bin");  // if both exist, the binary one is read
  EXPECT_EQ(open_dataset(dir_, Split::kTrain)->size(), 10);
}

TEST_F(CifarTest, NamesTheExpectedFilesIfAskedByName) {
  expect_input_error([&] { open_dataset(dir_, Split::kTrain, "cifar10"); },
                     "no CIFAR-10 here; expected cifar-10-binary.tar.gz");
}

TEST(CifarRealData, ExactSample) {
  const fs::path folder = real_data("cifar10-exact-sample");
  if (folder.empty()) GTEST_SKIP() << "no data: cifar10-exact-sample";
  const auto test = open_dataset(folder, Split::kTest);
  EXPECT_EQ(test->size(), 1017);
  EXPECT_EQ(test->label(0), 3);  // the release's first test image is a cat
  EXPECT_EQ(test->classes()[3], "cat");
  EXPECT_THROW(open_dataset(folder, Split::kTrain), MissingSplit);
}

}  // namespace
}  // namespace spikemix
