// SPDX-License-Identifier: MIT
#include "spikemix/data/loader.h"

#include <algorithm>
#include <map>
#include <set>

#include "spikemix/data/decode.h"
#include "spikemix/data/files_test.h"
#include "spikemix/data/subset.h"

namespace spikemix {
namespace {

// Images of one grey level each, which identifies them; one may be damaged.
class Plain : public Dataset {
 public:
  Plain(int64_t size, int64_t side, int64_t damaged = -1) : size_(size), side_(side), damaged_(damaged) {}
  int64_t size() const override { return size_; }
  int64_t label(int64_t i) const override { return i % 3; }
  Image image(int64_t i) const override {
    if (i == damaged_) throw input_error("{}: damaged", source(i));
    Image image{side_, side_, 3, std::vector<uint8_t>(size_t(side_ * side_ * 3))};
    for (size_t p = 0; p < image.pixels.size(); ++p) image.pixels[p] = uint8_t(uint64_t(i) + 7 * p);
    return image;
  }
  std::string source(int64_t i) const override { return "image " + std::to_string(i); }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  int64_t size_, side_, damaged_;
  std::vector<std::string> classes_ = {"a", "b", "c"};
};

LoaderOptions small_options() {
  LoaderOptions options;
  options.height = options.width = 8;
  options.classes = 3;
  options.batch = 4;
  return options;
}

LoaderOptions all_augmentations() {
  LoaderOptions options = small_options();
  options.train = true;
  options.seed = 5;
  options.augment.crop_padding = 2;
  options.augment.randaugment_magnitude = 9;
  options.augment.erase_probability = 0.5;
  options.augment.mixup = 0.5;
  options.augment.cutmix = 1;
  return options;
}

std::vector<Batch> epoch_of(Loader& loader, int64_t epoch, int64_t first = 0) {
  loader.start_epoch(epoch, first);
  std::vector<Batch> batches;
  Batch batch;
  while (loader.next(batch)) batches.push_back(batch);
  return batches;
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].size, b[k].size) << k;
    EXPECT_EQ(a[k].images, b[k].images) << k;
    EXPECT_EQ(a[k].labels, b[k].labels) << k;
    EXPECT_EQ(a[k].targets, b[k].targets) << k;
  }
}

TEST(Loader, NoValidationImageIsInATrainingBatch) {
  const Divided divided = divide(std::make_shared<Plain>(96, 8), 0.25, 3);
  LoaderOptions options = small_options();
  std::set<std::vector<float>> validation, learned;
  const auto add_images = [](const std::vector<Batch>& batches, std::set<std::vector<float>>& all) {
    for (const Batch& batch : batches) {
      for (auto image = batch.images.begin(); image != batch.images.end(); image += 3 * 64)
        all.insert({image, image + 3 * 64});
    }
  };
  Loader tested(divided.validation, options);
  add_images(epoch_of(tested, 0), validation);
  ASSERT_EQ(validation.size(), 24u);
  options.train = true, options.drop_last = true;
  options.augment.crop_padding = 0, options.augment.flip = false;  // so that an image is its pixels
  Loader trained(divided.learned, options);
  for (int64_t epoch = 0; epoch < 3; ++epoch) add_images(epoch_of(trained, epoch), learned);
  EXPECT_EQ(learned.size(), 72u);
  for (const auto& image : learned) EXPECT_FALSE(validation.contains(image));
}

TEST(Loader, TestImagesComeInOrderNormalisedAndUntouched) {
  LoaderOptions options = small_options();
  options.mean = {0, 0.5, 1};
  options.std = {1, 0.5, 0.25};
  Loader loader(std::make_shared<Plain>(10, 8), options);
  EXPECT_EQ(loader.batches(), 3);
  const std::vector<Batch> batches = epoch_of(loader, 0);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[2].size, 2);
  EXPECT_THAT(batches[1].labels, ::testing::ElementsAre(1, 2, 0, 1));
  EXPECT_THAT(batches[1].targets, ::testing::IsEmpty());
  ASSERT_EQ(batches[2].images.size(), 2u * 3 * 64);
  // Image 9, channel 1, row 2, column 3.
  EXPECT_FLOAT_EQ(batches[2].images[1 * 192 + 64 + 19], (uint8_t(9 + 7 * (19 * 3 + 1)) / 255.0 - 0.5) / 0.5);
  EXPECT_FLOAT_EQ(batches[2].images[1 * 192 + 128], ((9 + 7 * 2) / 255.0 - 1) / 0.25);
}

TEST(Loader, SameBitsForAnyNumberOfThreads) {
  const auto data = std::make_shared<Plain>(101, 8);
  LoaderOptions options = all_augmentations();
  Loader one(data, options);
  options.threads = 4;
  Loader four(data, options);
  for (const int64_t epoch : {0, 3}) expect_same(epoch_of(one, epoch), epoch_of(four, epoch));
}

TEST(Loader, ResumesAnEpochInTheMiddle) {
  const auto data = std::make_shared<Plain>(101, 8);
  LoaderOptions options = all_augmentations();
  options.threads = 3;
  Loader loader(data, options);
  const std::vector<Batch> whole = epoch_of(loader, 1);
  for (const int64_t first : {1, 13, 25, 26}) {
    expect_same(epoch_of(loader, 1, first), {whole.begin() + first, whole.end()});
  }
}

TEST(Loader, EpochsAndSeedsDiffer) {
  const auto data = std::make_shared<Plain>(40, 8);
  LoaderOptions options = all_augmentations();
  Loader a(data, options);
  options.seed = 6;
  Loader b(data, options);
  const auto first = epoch_of(a, 0), second = epoch_of(a, 1), other = epoch_of(b, 0);
  EXPECT_NE(first[0].images, second[0].images);
  EXPECT_NE(first[0].images, other[0].images);
}

TEST(Loader, EachEpochAugmentsAndMixesDifferently) {  // with one image and one batch, where the order says nothing
  LoaderOptions options = all_augmentations();
  options.batch = 2;
  std::set<std::vector<float>> images;
  std::set<float> lambdas;
  Loader one(std::make_shared<Plain>(1, 8), options), two(std::make_shared<Plain>(2, 8), options);
  for (int64_t epoch = 0; epoch < 20; ++epoch) {
    images.insert(epoch_of(one, epoch)[0].images);
    lambdas.insert(std::ranges::max(epoch_of(two, epoch)[0].targets));
  }
  EXPECT_GT(images.size(), 10u);
  EXPECT_GT(lambdas.size(), 10u);
}

TEST(Loader, EveryTrainingImageComesOnce) {
  LoaderOptions options = small_options();
  options.train = true;
  options.augment.flip = false;
  options.augment.crop_padding = 0;
  Loader loader(std::make_shared<Plain>(100, 8), options);
  std::multiset<float> levels;
  std::vector<float> order;
  for (const Batch& batch : epoch_of(loader, 0)) {
    for (int64_t j = 0; j < batch.size; ++j) order.push_back(batch.images[size_t(j * 192)]);
  }
  EXPECT_FALSE(std::ranges::is_sorted(order));
  EXPECT_EQ(std::set<float>(order.begin(), order.end()).size(), 100u);
  EXPECT_EQ(order.size(), 100u);
}

TEST(Loader, DropsThePartialBatchIfAsked) {
  LoaderOptions options = small_options();
  options.drop_last = true;
  Loader loader(std::make_shared<Plain>(10, 8), options);
  EXPECT_EQ(epoch_of(loader, 0).size(), 2u);
  options.batch = 11;
  EXPECT_THROW(Loader(std::make_shared<Plain>(10, 8), options), InputError);
  options.batch = 0;
  EXPECT_THROW(Loader(std::make_shared<Plain>(10, 8), options), InputError);
}

// The shares of the ranks make up the batch, each image once and with the same bits, mixup's pairs included.
TEST(Loader, RanksShareEachBatch) {
  const auto data = std::make_shared<Plain>(26, 9);
  LoaderOptions options = all_augmentations();
  options.batch = 8;
  options.drop_last = true;
  Loader whole(data, options);
  const std::vector<Batch> expected = epoch_of(whole, 1);
  options.ranks = 2;
  std::vector<std::vector<Batch>> parts;
  for (options.rank = 0; options.rank < 2; ++options.rank) {
    Loader loader(data, options);
    parts.push_back(epoch_of(loader, 1));
  }
  const int64_t image = 3 * 8 * 8;
  for (size_t k = 0; k < expected.size(); ++k) {
    const auto rows = [&](const Batch& b) {
      std::multiset<std::vector<float>> set;
      for (int64_t i = 0; i < b.size; ++i) {
        std::vector<float> row(b.images.begin() + i * image, b.images.begin() + (i + 1) * image);
        row.insert(row.end(), b.targets.begin() + i * 3, b.targets.begin() + (i + 1) * 3);
        row.push_back(float(b.labels[size_t(i)]));
        set.insert(row);
      }
      return set;
    };
    auto together = rows(parts[0][k]);
    together.merge(rows(parts[1][k]));
    EXPECT_EQ(parts[0][k].size, 4);
    EXPECT_EQ(together, rows(expected[k]));
  }
}

TEST(Loader, RanksShareATestSetThatTheyDoNotDivide) {
  LoaderOptions options = small_options();
  options.ranks = 3;
  std::multiset<float> seen;
  for (options.rank = 0; options.rank < 3; ++options.rank) {
    Loader loader(std::make_shared<Plain>(9, 8), options);  // batches of 4, 4 and 1
    for (const Batch& batch : epoch_of(loader, 0)) {
      for (int64_t i = 0; i < batch.size; ++i) seen.insert(batch.images[size_t(i * 3 * 8 * 8)]);
    }
  }
  EXPECT_EQ(seen.size(), 9U);
  EXPECT_EQ(std::set<float>(seen.begin(), seen.end()).size(), 9U);
}

TEST(Loader, ADamagedImageIsNamedAtItsPlace) {
  for (const int64_t threads : {1, 4}) {
    LoaderOptions options = small_options();
    options.threads = threads;
    Loader loader(std::make_shared<Plain>(40, 8, 21), options);
    loader.start_epoch(0);
    Batch batch;
    for (int k = 0; k < 5; ++k) ASSERT_TRUE(loader.next(batch));
    for (int again = 0; again < 2; ++again) {
      EXPECT_THAT([&] { loader.next(batch); },
                  ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("image 21: damaged")));
    }
    loader.start_epoch(0, 6);  // and the loader continues
    EXPECT_TRUE(loader.next(batch));
  }
}

class LoaderFiles : public FilesTest {};

TEST_F(LoaderFiles, DecodesOnManyThreadsAndContinuesAfterADamagedFile) {
  for (int i = 0; i < 40; ++i) {
    const fs::path file = dir_ / fmt::format("train/a/{:02}.png", i);
    fs::create_directories(file.parent_path());
    write_png(file, {8, 8, 1, std::vector<uint8_t>(64, uint8_t(i))});
  }
  write("train/a/21.png", Bytes{0xFF, 0xD8, 0xFF, 0xDB, 0x00});
  LoaderOptions options = small_options();
  options.threads = 3;
  Loader loader(open_dataset(dir_, Split::kTrain), options);
  Batch batch;
  for (int again = 0; again < 2; ++again) {
    loader.start_epoch(0);
    for (int k = 0; k < 5; ++k) {
      ASSERT_TRUE(loader.next(batch));
      EXPECT_FLOAT_EQ(batch.images[0], (4 * float(k) / 255 - 0.5f) / 0.5f);  // grey became RGB
      EXPECT_EQ(batch.images[0], batch.images[128]);
    }
    expect_input_error([&] { loader.next(batch); }, "train/a/21.png: damaged JPEG");
  }
}

TEST(Loader, StopsAtAnyTime) {
  const auto data = std::make_shared<Plain>(400, 8);
  LoaderOptions options = all_augmentations();
  options.threads = 3;
  Batch batch;
  for (int taken = 0; taken < 30; ++taken) {
    Loader loader(data, options);
    if (taken % 3 == 0) continue;  // never started
    loader.start_epoch(0);
    for (int k = 0; k < taken; ++k) ASSERT_TRUE(loader.next(batch));
    if (taken % 2 == 0) loader.start_epoch(1);
  }
}

TEST(Loader, MixupEndsAtItsEpoch) {
  LoaderOptions options = all_augmentations();
  options.augment.mixup_off_epoch = 2;
  options.augment.label_smoothing = 0.3;
  Loader loader(std::make_shared<Plain>(40, 8), options);
  const auto mixed = [&](int64_t epoch) {
    for (const Batch& batch : epoch_of(loader, epoch)) {
      for (const float t : batch.targets) {
        if (std::abs(t - 0.1f) > 1e-6f && std::abs(t - 0.8f) > 1e-6f) return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(mixed(0));
  EXPECT_TRUE(mixed(1));
  EXPECT_FALSE(mixed(2));
  EXPECT_FALSE(mixed(3));
}

// Pixels that CutMix changes come from the pair's other image, and the targets say how many there are.
TEST(Loader, CutMixSwapsBoxesAndReportsTheirArea) {
  LoaderOptions options = small_options();
  options.train = true;
  options.augment = {.crop_padding = 0, .flip = false, .cutmix = 1, .label_smoothing = 0};
  const auto data = std::make_shared<Plain>(40, 8);
  Loader cut(data, options);
  options.augment.cutmix = 0;
  Loader plain(data, options);
  const std::vector<Batch> mixed = epoch_of(cut, 0), whole = epoch_of(plain, 0);
  const int64_t image = 3 * 8 * 8;
  int64_t swapped = 0;
  for (size_t k = 0; k < mixed.size(); ++k) {
    for (int64_t i = 0, other = whole[k].size - 1; i < whole[k].size; ++i, --other) {
      int64_t of_other = 0, differing = 0;
      for (int64_t p = 0; p < image; ++p) {
        const float value = mixed[k].images[size_t(i * image + p)];
        const float own = whole[k].images[size_t(i * image + p)], theirs = whole[k].images[size_t(other * image + p)];
        EXPECT_TRUE(value == own || value == theirs);
        differing += own != theirs;
        of_other += own != theirs && value == theirs;
      }
      ASSERT_EQ(differing, image);
      const int64_t label = whole[k].labels[size_t(i)];
      const bool same = label == whole[k].labels[size_t(other)];
      const float share = same ? 1 : 1 - float(of_other) / float(image);
      EXPECT_NEAR(mixed[k].targets[size_t(i * 3 + label)], share, 1e-6);
      swapped += of_other;
    }
  }
  EXPECT_GT(swapped, 0);
}

// Each image is mirrored in every second epoch, about half of them in the first: a function of seed, image and epoch.
TEST(Loader, FlipsAlternate) {
  LoaderOptions options = small_options();
  options.train = true, options.seed = 7;
  options.augment.crop_padding = 0, options.augment.alternate_flip = true;
  const auto data = std::make_shared<Plain>(100, 8);
  // An image's darker corner identifies it: is it the right one?
  const auto flips_in = [](Loader& loader, int64_t epoch) {
    std::map<float, bool> flips;
    for (const Batch& batch : epoch_of(loader, epoch)) {
      for (auto image = batch.images.begin(); image != batch.images.end(); image += 3 * 64)
        flips[std::min(image[0], image[7])] = image[7] < image[0];
    }
    return flips;
  };
  Loader loader(data, options), later(data, options);
  const auto first = flips_in(loader, 0), second = flips_in(loader, 1);
  ASSERT_EQ(first.size(), 100u);
  int64_t mirrored = 0;
  for (const auto& [image, flipped] : first) {
    mirrored += flipped;
    EXPECT_NE(flipped, second.at(image));
  }
  EXPECT_NEAR(double(mirrored), 50, 20);
  EXPECT_EQ(flips_in(loader, 2), first);
  EXPECT_EQ(flips_in(later, 7), second);
  options.seed = 8;
  Loader other(data, options);
  EXPECT_NE(flips_in(other, 0), first);
}

TEST(Loader, RecyclesBuffers) {
  LoaderOptions options = small_options();
  Loader loader(std::make_shared<Plain>(400, 8), options);
  loader.start_epoch(0);
  std::set<const float*> seen;
  Batch batch;
  while (loader.next(batch)) seen.insert(batch.images.data());
  EXPECT_LE(seen.size(), 3u);  // threads + 1 ahead, and the caller's
}

TEST(Loader, RefusesMoreClassesThanTheModelHas) {
  LoaderOptions options = small_options();
  options.classes = 2;
  EXPECT_THAT([&] { Loader(std::make_shared<Plain>(10, 8), options); },
              ::testing::ThrowsMessage<InputError>(::testing::HasSubstr("the data has 3 classes, the model 2")));
}

}  // namespace
}  // namespace spikemix
