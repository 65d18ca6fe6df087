// SPDX-License-Identifier: MIT
#include "spikemix/data/loader.h"

#include <algorithm>
#include <numeric>

#include "spikemix/data/event_input.h"
#include "spikemix/data/mixup.h"
#include "spikemix/data/randaugment.h"
#include "spikemix/data/resize.h"

namespace spikemix {

struct Loader::Scratch {
  std::vector<uint8_t> pixels;
};

void check_inputs(const Dataset& data, bool events, int64_t channels) {
  if (data.holds_events() != events) {
    throw InputError(events ? "the data are images, the model takes recordings of event cameras (model.input)"
                            : "the data are recordings of event cameras, the model takes images (model.input)");
  }
  if (!events) return check_picture_channels(channels);
  if (channels != 2) throw input_error("model.channels = {}: frames of events have 2, for off and on", channels);
}

Loader::Loader(std::shared_ptr<const Dataset> dataset, LoaderOptions options)
    : dataset_(std::move(dataset)),
      options_(std::move(options)),
      normalise_(options_.events ? std::vector<double>() : options_.mean,
                 options_.events ? std::vector<double>() : options_.std, options_.channels),
      slots_(size_t(std::max<int64_t>(1, options_.threads)) + 1) {
  check_inputs(*dataset_, options_.events, options_.channels);
  if (int64_t(dataset_->classes().size()) > options_.classes) {
    throw input_error("the data has {} classes, the model {}; set model.classes", dataset_->classes().size(),
                      options_.classes);
  }
  if (options_.batch < 1) throw input_error("train.batch = {}, expected 1 or more", options_.batch);
  if (batches() == 0) {
    throw input_error("{} images do not fill one batch of {}; set train.batch", dataset_->size(), options_.batch);
  }
  for (size_t t = 0; t + 1 < slots_.size(); ++t) threads_.emplace_back([this](std::stop_token stop) { work(stop); });
}

Loader::~Loader() { cancel_ = true; }  // the threads' own destructors then stop them

int64_t Loader::batches() const {
  return (dataset_->size() + (options_.drop_last ? 0 : options_.batch - 1)) / options_.batch;
}

void Loader::start_epoch(int64_t epoch, int64_t first_batch) {
  std::vector<int64_t> order(size_t(dataset_->size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (options_.train) {  // Fisher-Yates; std::shuffle differs between standard libraries
    Rng rng(options_.seed, Rng::Purpose::kOrder, 0, uint32_t(epoch));
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  }
  {
    std::unique_lock lock(mutex_);
    stop_filling(lock);
    epoch_ = epoch;
    order_ = std::move(order);
    consumed_ = begun_ = first_batch;
    end_ = batches();
    for (Slot& s : slots_) s.ready = false, s.error = nullptr;
  }
  work_.notify_all();
}

// From here on no thread makes a batch or begins one, until end_ is set again.
void Loader::stop_filling(std::unique_lock<std::mutex>& lock) {
  end_ = 0;
  cancel_ = true;
  done_.wait(lock, [this] { return filling_ == 0; });
  cancel_ = false;
}

bool Loader::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  if (consumed_ >= end_) return false;
  Slot& s = slot(consumed_);
  done_.wait(lock, [&] { return s.ready; });
  if (s.error) std::rethrow_exception(s.error);
  std::swap(batch, s.batch);
  s.ready = false;
  ++consumed_;
  lock.unlock();
  work_.notify_one();
  return true;
}

void Loader::work(std::stop_token stop) {
  Scratch scratch;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto room = [this] { return begun_ < end_ && begun_ < consumed_ + int64_t(slots_.size()); };
    if (!work_.wait(lock, stop, room) || stop.stop_requested()) return;
    const int64_t k = begun_++;
    ++filling_;
    Slot& s = slot(k);
    lock.unlock();
    std::exception_ptr error;
    try {
      fill(k, s.batch, scratch);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    s.error = error;
    s.ready = true;
    --filling_;
    done_.notify_all();
  }
}

// The images of a batch that belong to this rank, in order: its part of the list 0, size - 1, 1, size - 2, ..., in
// which mixup's pairs are adjacent.
std::vector<int64_t> Loader::share(int64_t size) const {
  std::vector<int64_t> rows;
  for (int64_t i = options_.rank * size / options_.ranks; i < (options_.rank + 1) * size / options_.ranks; ++i) {
    rows.push_back(i % 2 ? size - 1 - i / 2 : i / 2);
  }
  std::ranges::sort(rows);
  return rows;
}

void Loader::fill(int64_t k, Batch& batch, Scratch& scratch) const {
  const int64_t first = k * options_.batch;
  const std::vector<int64_t> rows = share(std::min(options_.batch, dataset_->size() - first));
  const auto size = int64_t(rows.size());
  const int64_t image = (options_.events ? options_.T : 1) * options_.channels * options_.height * options_.width;
  batch.size = size;
  batch.images.resize(size_t(size * image));
  batch.labels.resize(size_t(size)), batch.rows.resize(size_t(size));
  for (int64_t j = 0; j < size; ++j) {
    if (cancel_) return;
    const int64_t i = order_[size_t(first + rows[size_t(j)])];
    if (options_.events) {
      fill_frames(i, &batch.images[size_t(j * image)]);
    } else {
      fill_image(i, &batch.images[size_t(j * image)], scratch);
    }
    batch.labels[size_t(j)] = dataset_->label(i), batch.rows[size_t(j)] = i;
  }
  batch.targets.clear();
  if (!options_.train) return;
  const AugmentConfig& augment = options_.augment;
  Mix mix;
  if (augment.mixup_off_epoch == 0 || epoch_ < augment.mixup_off_epoch) {
    Rng rng(options_.seed, Rng::Purpose::kMixup, uint64_t(k), uint32_t(epoch_));
    mix = draw_mix(augment, options_.height, options_.width, rng);
  }
  if (mix.cut) {
    swap_boxes(batch.images, size, options_.height, options_.width, mix.box);
  } else if (mix.lambda < 1) {
    mix_images(batch.images, size, mix.lambda);
  }
  batch.targets.resize(size_t(size * options_.classes));
  mix_targets(batch.labels, options_.classes, mix.lambda, augment.label_smoothing, batch.targets);
}

void Loader::fill_image(int64_t i, float* chw, Scratch& scratch) const {
  Image image = fit(dataset_->image(i), options_.height, options_.width, options_.channels);
  if (!options_.train) return normalise_(image, chw);
  const AugmentConfig& augment = options_.augment;
  Rng rng(options_.seed, Rng::Purpose::kAugment, uint64_t(i), uint32_t(epoch_));
  random_crop(image, augment.crop_padding, rng, scratch.pixels);
  if (augment.flip && rng.coin(flip_probability(i))) flip_horizontally(image);
  if (augment.randaugment_magnitude > 0) randaugment(image, augment, normalise_.fill(), rng);
  normalise_(image, chw);
  random_erase(chw, options_.channels, options_.height, options_.width, augment.erase_probability, rng);
}

// 0 or 1 if flips alternate: the epoch then decides, starting with a parity of the image's own.
double Loader::flip_probability(int64_t i) const {
  if (!options_.augment.flip) return 0;
  if (!options_.augment.alternate_flip) return 0.5;
  const bool first = Rng(options_.seed, Rng::Purpose::kFlip, uint64_t(i)).coin();
  return first != (epoch_ % 2 == 1) ? 1 : 0;
}

void Loader::fill_frames(int64_t i, float* input) const {
  ModelConfig model;
  model.T = options_.T, model.height = options_.height, model.width = options_.width;
  const FrameOptions frames = frame_options(model, options_.frames);
  const SensorSize sensor = frame_sensor(options_.frames, dataset_->recording(i));
  std::vector<Event> events = dataset_->events(i);
  if (!options_.train) return write_frames(integrate(events, sensor, frames), input);
  Rng rng(options_.seed, Rng::Purpose::kAugment, uint64_t(i), uint32_t(epoch_));
  write_frames(augmented_frames(events, sensor, frames, options_.augment, flip_probability(i), rng), input);
}

}  // namespace spikemix
