// SPDX-License-Identifier: MIT
#include "spikemix/data/subset.h"

#include "spikemix/data/files_test.h"
#include "spikemix/data/summary.h"

namespace spikemix {
namespace {

DataConfig data_at(const std::filesystem::path& dir, const std::string& format = "auto") {
  DataConfig data;
  data.dir = dir, data.format = format;
  return data;
}

using ::testing::DoubleNear;
using ::testing::ElementsAre;

// Labels as given; each image's source is its index.
class Labels : public Dataset {
 public:
  explicit Labels(std::vector<int64_t> labels) : labels_(std::move(labels)) {}
  int64_t size() const override { return int64_t(labels_.size()); }
  int64_t label(int64_t i) const override { return labels_[size_t(i)]; }
  Image image(int64_t i) const override { return {1, 1, 1, {uint8_t(i)}}; }
  std::string source(int64_t i) const override { return std::to_string(i); }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_ = {"a", "b", "c"};
};

std::vector<std::string> sources(const Dataset& data) {
  std::vector<std::string> all;
  for (int64_t i = 0; i < data.size(); ++i) {
    all.push_back(data.source(i));
    EXPECT_EQ(data.image(i).pixels[0], std::stoi(data.source(i)));
  }
  return all;
}

TEST(Subset, TakesTheFirstOfEachClassInOrder) {
  const auto data = std::make_shared<Labels>(std::vector<int64_t>{2, 2, 0, 1, 0, 1, 2, 1, 0});
  EXPECT_THAT(sources(*subset(data, 3, "k")), ElementsAre("0", "2", "3"));
  EXPECT_THAT(sources(*subset(data, 6, "k")), ElementsAre("0", "1", "2", "3", "4", "5"));
  EXPECT_THAT(sources(*subset(data, 4, "k")), ElementsAre("0", "2", "3", "4"));  // one more for the first class
  EXPECT_EQ(subset(data, 0, "k"), data);
  EXPECT_EQ(subset(data, 9, "k"), data);
}

TEST(Subset, KeepsTheSharesOfTheClasses) {
  // 8 a, 4 b, 1 c: half of them are 4 a, 2 b, and by remainder (0.54 of an image) the seventh image is c's.
  const auto data = std::make_shared<Labels>(std::vector<int64_t>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2});
  EXPECT_EQ(summarise(*subset(data, 7, "k"), "train", 0).class_counts, (std::vector<int64_t>{4, 2, 1}));
}

TEST(Subset, RefusesMoreThanExist) {
  const auto data = std::make_shared<Labels>(std::vector<int64_t>{0, 1});
  expect_input_error([&] { subset(data, 3, "data.train_images"); }, "data.train_images = 3: the data has 2 images");
  expect_input_error([&] { subset(data, -1, "data.train_images"); }, "data.train_images = -1");
}

TEST(Divide, SharesEachClassByTheSeedAlone) {
  std::vector<int64_t> labels;
  for (int i = 0; i < 200; ++i) labels.push_back(i % 10 < 6 ? 0 : i % 10 < 9 ? 1 : 2);  // 120, 60, 20
  const auto data = std::make_shared<Labels>(labels);
  const Divided first = divide(data, 0.1, 7), again = divide(data, 0.1, 7), other = divide(data, 0.1, 8);
  EXPECT_EQ(summarise(*first.validation, "validation", 0).class_counts, (std::vector<int64_t>{12, 6, 2}));
  EXPECT_EQ(summarise(*first.learned, "train", 0).class_counts, (std::vector<int64_t>{108, 54, 18}));
  EXPECT_EQ(sources(*first.validation), sources(*again.validation));
  EXPECT_NE(sources(*first.validation), sources(*other.validation));
  // Each image is in one of the two.
  std::vector<std::string> both = sources(*first.validation), all = sources(*data);
  for (const std::string& source : sources(*first.learned)) both.push_back(source);
  EXPECT_THAT(both, ::testing::UnorderedElementsAreArray(all));
}

TEST(Divide, RefusesAShareThatLeavesNothing) {
  const auto data = std::make_shared<Labels>(std::vector<int64_t>{0, 1, 0, 1});
  expect_input_error([&] { divide(data, 0.1, 0); }, "data.validation = 0.1: that is none of the 4 training images");
}

// Images of different sizes and channels.
class Mixed : public Labels {
 public:
  Mixed() : Labels({0, 2, 2}) {}
  Image image(int64_t i) const override {
    if (i == 0) return {1, 2, 3, {0, 51, 255, 0, 51, 255}};
    return {2, 1, 1, {uint8_t(i == 1 ? 0 : 255), uint8_t(i == 1 ? 0 : 255)}};
  }
};

TEST(Summary, CountsSizesAndMoments) {
  const SplitSummary s = summarise(Mixed(), "train", 100);
  EXPECT_EQ(s.images, 3);
  EXPECT_EQ(s.sampled, 3);
  EXPECT_THAT(s.class_counts, ElementsAre(1, 0, 2));
  EXPECT_THAT((std::array{s.min_height, s.max_height, s.min_width, s.max_width, s.channels}),
              ElementsAre(1, 2, 1, 2, 3));
  // Channel means over six pixels: grey counts in each.
  EXPECT_THAT(s.mean, ElementsAre(DoubleNear(1 / 3.0, 1e-12), DoubleNear(0.4, 1e-12), DoubleNear(2 / 3.0, 1e-12)));
  EXPECT_NEAR(s.std[0], std::sqrt(2.0) / 3, 1e-12);
  EXPECT_EQ(summarise(Mixed(), "train", 2).sampled, 2);
}

class SummaryTest : public FilesTest {};

TEST_F(SummaryTest, ShowsTheExistingSplits) {
  write("test_batch.bin", Bytes(3073, 5));
  const DataSummary summary = summarise(data_at(dir_));
  EXPECT_EQ(summary.format, "cifar10");
  EXPECT_EQ(summary.classes.size(), 10u);
  ASSERT_EQ(summary.splits.size(), 1u);
  EXPECT_EQ(summary.splits[0].name, "test");
  EXPECT_NEAR(summary.splits[0].mean[2], 5 / 255.0, 1e-12);
  expect_input_error([&] { summarise(data_at(dir_ / "none")); }, "none: no such file or folder");
  expect_input_error([&] { summarise(data_at(dir_, "cifar1")); },
                     "unknown data format 'cifar1'; did you mean 'cifar10'?");
  const fs::path neither = write_tar("a.tar", {{"other.txt", {1}}});
  expect_input_error([&] { summarise(data_at(neither)); }, "a.tar: no test/CLASS/*.jpg");
}

}  // namespace
}  // namespace spikemix
