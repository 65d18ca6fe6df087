// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "spikemix/config/augment_config.h"
#include "spikemix/data/augment.h"
#include "spikemix/data/dataset.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// Checks that the data suit a model with such inputs. @throws InputError naming model.input or model.channels
void check_inputs(const Dataset& data, bool events, int64_t channels);

struct LoaderOptions {
  /// Frames of events instead of images: T of them, cut according to `frames`, with 2 channels.
  bool events = false;
  int64_t T = 1;
  FrameSettings frames;
  int64_t height = 32, width = 32, channels = 3, classes = 10;
  int64_t batch = 128;
  /// The number of processes that share each batch, and this one's index. Their shares are equal if the ranks divide
  /// the batch, and keep mixed pairs together if they are also even; training needs both.
  int64_t rank = 0, ranks = 1;
  uint64_t seed = 0;
  int64_t threads = 1;
  /// Shuffled and augmented, with soft targets; otherwise in order and unchanged.
  bool train = false;
  /// Leave out the last batch if it is not full.
  bool drop_last = false;
  AugmentConfig augment;
  std::vector<double> mean, std;
};

struct Batch {
  int64_t size = 0;             ///< B: this rank's share of LoaderOptions::batch, or fewer at the end
  std::vector<float> images;    ///< [B, C, H, W], normalised; or [B, T, 2, H, W] frames of events
  std::vector<int64_t> labels;  ///< [B]
  std::vector<int64_t> rows;    ///< [B]: the indices of the samples in the data set
  std::vector<float> targets;   ///< train: [B, classes], rows sum to 1 (mixup, CutMix, label smoothing); test: empty
};

/// Batches of a data set, made by background threads and handed out in order. Each batch is made by one thread; at most
/// threads + 1 are made ahead. Every random number is a function of (seed, epoch, image), so the bits do not depend on
/// the number of threads, on the batch at which an epoch is resumed, or on how many ranks share a batch.
///
/// Order of the steps: fit to the model's size, crop, flip, RandAugment, normalise, erase; then mixup or CutMix over
/// the batch. For recordings: drop, polarity, jitter; the frames; flip, roll, one of rotation, shear, cutout, scaling;
/// then the same.
class Loader {
 public:
  /// @throws InputError if the data has more classes than options.classes, if mean and std do not fit, if there is not
  /// a single batch, or if the model takes recordings and the data are images, or the reverse
  Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options);
  /// Can be destroyed at any time: waits only for the images being decoded.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The number of batches in an epoch.
  int64_t batches() const;
  /// Begins an epoch at batch `first_batch`, dropping the rest of the previous one.
  void start_epoch(int64_t epoch, int64_t first_batch = 0);
  /// The next batch; false at the end of the epoch. The buffers of `batch` are reused for later batches, so pass the
  /// same one again. @throws whatever making this batch threw (InputError naming a damaged picture), and again if
  /// called again
  bool next(Batch& batch);

 private:
  struct Slot {
    Batch batch;
    bool ready = false;
    std::exception_ptr error;
  };
  struct Scratch;

  void work(std::stop_token stop);
  void stop_filling(std::unique_lock<std::mutex>& lock);
  std::vector<int64_t> share(int64_t size) const;
  void fill(int64_t k, Batch& batch, Scratch& scratch) const;
  void fill_image(int64_t i, float* chw, Scratch& scratch) const;
  void fill_frames(int64_t i, float* input) const;
  double flip_probability(int64_t i) const;
  Slot& slot(int64_t k) { return slots_[size_t(k) % slots_.size()]; }

  const std::shared_ptr<const Dataset> dataset_;
  const LoaderOptions options_;
  const Normaliser normalise_;

  std::mutex mutex_;
  std::condition_variable_any work_;  ///< there is a batch to make
  std::condition_variable done_;      ///< a batch was made
  // The epoch. Written only while no batch is being made.
  int64_t epoch_ = 0;
  std::vector<int64_t> order_;
  // Batches [consumed_, begun_) are ready or being made. Everything here is guarded by mutex_.
  int64_t consumed_ = 0, begun_ = 0, end_ = 0, filling_ = 0;
  std::atomic<bool> cancel_ = false;  ///< tells whoever makes a batch to stop
  std::vector<Slot> slots_;
  std::vector<std::jthread> threads_;  ///< last: they end before what they use
};

}  // namespace spikemix
