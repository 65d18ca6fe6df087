// SPDX-License-Identifier: MIT
#include <cstdlib>
#include <filesystem>

#include <benchmark/benchmark.h>

#include "spikemix/data/loader.h"

// Images a second of the loader on CIFAR-10 in JPEG, found under SPIKEMIX_TEST_DATA.
namespace spikemix {
namespace {

enum Augmentation { kNone, kCropFlip, kPublished };

void epochs(benchmark::State& state) {
  const char* root = std::getenv("SPIKEMIX_TEST_DATA");
  const auto folder = std::filesystem::path(root ? root : "") / "cifar10-jpeg";
  if (!root || !std::filesystem::exists(folder)) return state.SkipWithError("no data; set SPIKEMIX_TEST_DATA");
  static const std::shared_ptr<const Dataset> data = open_dataset(folder, Split::kTrain);
  LoaderOptions options;
  options.threads = state.range(0);
  options.train = state.range(1) != kNone;
  options.drop_last = true;
  if (state.range(1) == kPublished) {
    options.augment.randaugment_magnitude = 9;
    options.augment.erase_probability = 0.25;
    options.augment.mixup = 0.5;
  }
  Loader loader(data, options);
  loader.start_epoch(0);
  Batch batch;
  int64_t epoch = 0, images = 0;
  for (auto _ : state) {
    if (!loader.next(batch)) {
      loader.start_epoch(++epoch);
      loader.next(batch);
    }
    benchmark::DoNotOptimize(batch.images.data());
    images += batch.size;
  }
  state.SetItemsProcessed(images);
  state.SetLabel(std::array{"decode and normalise", "crop, flip",
                            "as published: RandAugment, erasing, mixup"}[size_t(state.range(1))]);
}

BENCHMARK(epochs)
    ->ArgNames({"threads", "augment"})
    ->ArgsProduct({{1, 2}, {kNone, kCropFlip, kPublished}})
    ->UseRealTime()
    ->MinTime(2);

}  // namespace
}  // namespace spikemix
