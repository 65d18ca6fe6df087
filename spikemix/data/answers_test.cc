#include "spikemix/data/answers.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "spikemix/base/file.h"

namespace spikemix {
namespace {

TEST(Answers, AreReadAsTheyWereWritten) {
  const TemporaryFolder folder;
  const auto file = folder.path() / kAnswersFile;
  for (const int32_t largest : {9, 255, 256, 21840}) {
    const Answers written{.labels = {0, largest, 3}, .answers = {0, 1, 2}, .images = "ab", .epoch = 7, .made_by = "x"};
    write_answers(file, written);
    const Answers read = read_answers(file);
    EXPECT_EQ(read.labels, written.labels);
    EXPECT_EQ(read.answers, written.answers);
    EXPECT_EQ(read.images, "ab");
    EXPECT_EQ(read.epoch, 7);
    EXPECT_EQ(read.made_by, "x");
    EXPECT_NEAR(read.top1(), 100.0 / 3, 1e-12);
  }
}

TEST(Answers, TenThousandAreTwentyKilobytes) {
  const TemporaryFolder folder;
  const auto file = folder.path() / kAnswersFile;
  write_answers(
      file,
      {.labels = std::vector<int32_t>(10'000), .answers = std::vector<int32_t>(10'000), .images = "a", .made_by = ""});
  EXPECT_LT(std::filesystem::file_size(file), 21'000);
}

TEST(Answers, ADamagedFileIsRefused) {
  const TemporaryFolder folder;
  const auto file = folder.path() / kAnswersFile;
  write_answers(file, {.labels = {1, 2}, .answers = {1, 1}, .images = "a", .made_by = ""});
  const std::string whole = read_file(file);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, bytes);
    EXPECT_THROW(read_answers(file), InputError) << bytes;
  }
  write_answers(file, {.labels = {1, 2}, .answers = {1}, .images = "a", .made_by = ""});
  EXPECT_THROW(read_answers(file), InputError);
}

}  // namespace
}  // namespace spikemix
