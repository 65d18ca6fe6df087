// SPDX-License-Identifier: MIT
#include <atomic>

#include <gtest/gtest.h>

#include "spikemix/base/file.h"
#include "spikemix/data/subset.h"
#include "spikemix/train/training_loop.h"

namespace spikemix {
namespace {

// Two classes, distinguished by which half is bright; counts reads.
class Counted : public Dataset {
 public:
  explicit Counted(int64_t images) : images_(images) {}
  int64_t size() const override { return images_; }
  int64_t label(int64_t i) const override { return i % 2; }
  Image image(int64_t i) const override {
    ++reads;
    Image image{8, 8, 1, std::vector<uint8_t>(64, uint8_t(i))};
    for (int64_t k = 0; k < 32; ++k) image.pixels[size_t(k + 32 * label(i))] = 255;
    return image;
  }
  std::string source(int64_t i) const override { return std::to_string(i); }
  const std::vector<std::string>& classes() const override { return classes_; }

  mutable std::atomic<int64_t> reads = 0;

 private:
  const int64_t images_;
  const std::vector<std::string> classes_ = {"above", "below"};
};

Config tiny() {
  Config config;
  config.model.channels = 1, config.model.height = config.model.width = 8, config.model.classes = 2;
  config.model.T = 1, config.model.embed_dim = 16, config.model.depth = 1, config.model.heads = {2};
  config.data.mean = config.data.std = {0.5};
  config.augment.crop_padding = 0;
  config.train.epochs = 4, config.train.cooldown_epochs = 0, config.train.warmup_epochs = 0, config.train.batch = 8;
  config.train.lr = 0.1;  // too large to improve with every epoch
  return config;
}

TEST(Validation, TestImagesAreReadOnlyAfterTheLastEpoch) {
  const TemporaryFolder temporary;
  const auto train = std::make_shared<Counted>(80), test = std::make_shared<Counted>(10);
  const Divided divided = divide(train, 0.2, 0);
  TrainListener listener;
  int64_t epochs = 0;
  listener.on_epoch = [&](const EpochResult& result) {
    ++epochs;
    EXPECT_EQ(result.tested_on, "validation");
    EXPECT_EQ(test->reads, 0) << "before the end of the run, after epoch " << result.epoch;
  };
  const RunFolder folder = RunFolder::create(temporary.path() / "run");
  TrainingRanks ranks{Launch{}};
  TrainerState state;
  TrainingLoop loop({folder, tiny(), {divided.learned, divided.validation, test}, "cpu"}, listener, ranks, state);
  EXPECT_EQ(loop.run(), TrainOutcome::kDone);
  EXPECT_EQ(epochs, 4);
  const bool best_is_last = state.best_epoch == 3;
  // With the chosen weights and with the last; both files of answers identify the images by their contents.
  EXPECT_EQ(test->reads, best_is_last ? 2 * 10 : 2 * 20);
}

}  // namespace
}  // namespace spikemix
