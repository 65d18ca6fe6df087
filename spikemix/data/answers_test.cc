// SPDX-License-Identifier: MIT
#include "spikemix/data/answers.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"

namespace spikemix {
namespace {

// As answers_on() returns them.
std::string images_of(const std::vector<int32_t>& labels) {
  Hash hash;
  for (const int32_t label : labels) hash.add(int64_t(label));
  return fmt::format("{} {} pixels", labels.size(), hash.text());
}

TEST(Answers, AreReadAsTheyWereWritten) {
  const TemporaryFolder folder;
  const auto file = folder.path() / kAnswersFile;
  for (const int32_t largest : {9, 255, 256, 21840}) {
    const Answers written{.labels = {0, largest, 3},
                          .answers = {0, 1, 2},
                          .images = images_of({0, largest, 3}),
                          .epoch = 7,
                          .made_by = "x"};
    write_answers(file, written);
    const Answers read = read_answers(file);
    EXPECT_EQ(read.labels, written.labels);
    EXPECT_EQ(read.answers, written.answers);
    EXPECT_EQ(read.images, written.images);
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
  const std::string images = images_of({1, 2});
  write_answers(file, {.labels = {1, 2}, .answers = {1, 1}, .images = images, .made_by = ""});
  const std::string whole = read_file(file);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, bytes);
    EXPECT_THROW(read_answers(file), InputError) << bytes;
  }
  write_answers(file, {.labels = {1, 2}, .answers = {1}, .images = images, .made_by = ""});
  EXPECT_THROW(read_answers(file), InputError);
}

TEST(Answers, LabelsThatDoNotMatchTheirHashAreRefused) {
  const TemporaryFolder folder;
  const auto file = folder.path() / kAnswersFile;
  for (const std::vector<int32_t>& others : {std::vector<int32_t>{1, 3}, {2, 1}, {1, 2, 3}, {1}}) {
    write_answers(file, {.labels = {1, 2}, .answers = {1, 1}, .images = images_of(others), .made_by = ""});
    EXPECT_THROW(read_answers(file), InputError);
  }
  write_answers(file, {.labels = {1, 2}, .answers = {1, 1}, .images = images_of({1, 2}), .made_by = ""});
  EXPECT_EQ(read_answers(file).labels.size(), 2u);
}

}  // namespace
}  // namespace spikemix
