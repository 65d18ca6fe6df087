// SPDX-License-Identifier: MIT
#include "spikemix/train/run_data.h"

#include <algorithm>
#include <utility>

#include <ATen/Parallel.h>

#include "spikemix/base/error.h"
#include "spikemix/data/fitted.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/mixup.h"
#include "spikemix/data/subset.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

namespace {

// With shuffling, each epoch leaves out different images; with a small set that can be half of them.
void tell_partial_batch(const Config& config, int64_t images, const OpenListener& listener) {
  const int64_t whole = config.train.batch * config.train.accumulate, left = images % whole;
  if (left == 0 || !listener.note) return;
  const auto takes_all = [&](int64_t batch) {
    return images % (batch * config.train.accumulate) == 0 && (!mixes_pairs(config.augment) || batch % 2 == 0);
  };
  int64_t fitting = config.train.batch - 1;
  while (fitting > 1 && !takes_all(fitting)) --fitting;
  const bool close = 2 * fitting >= config.train.batch;
  listener.note(
      fmt::format("{} of {} training {} do not fill a batch of {}{}: each epoch leaves out that many, different ones "
                  "each time{}",
                  left, images, config.model.takes_events() ? "recordings" : "images", config.train.batch,
                  config.train.accumulate > 1 ? fmt::format(" x {}", config.train.accumulate) : "",
                  close ? fmt::format(" (train.batch={} uses all)", fitting) : ""));
}

}  // namespace

RunData open_run_data(const Config& config, const OpenListener& listener) {
  const DataConfig& d = config.data;
  const ModelConfig& m = config.model;
  if (d.dir.empty()) throw input_error("no data set given: pass --data DIR, or set data.dir in the recipe");
  FitOptions fit{.shape = {m.height, m.width, m.channels}, .images = d.train_images, .images_key = "data.train_images"};
  fit.threads = std::max(config.train.loader_threads, int64_t(at::get_num_threads()));  // nothing else computes yet
  RunData data{.train = open_fitted(d, Split::kTrain, fit, listener), .validation = nullptr, .test = nullptr};
  check_inputs(*data.train, m.takes_events(), m.channels);
  fit.images = d.test_images, fit.images_key = "data.test_images";
  data.test = open_fitted(d, Split::kTest, fit, listener);
  if (d.validation > 0) {
    const Divided divided = divide(data.train, d.validation, uint64_t(config.train.seed));
    data.train = divided.learned, data.validation = divided.validation;
  }
  if (data.train->size() < config.train.batch * config.train.accumulate) {
    throw input_error("train.batch = {}: {} holds only {} training images", config.train.batch, d.dir,
                      data.train->size());
  }
  tell_partial_batch(config, data.train->size(), listener);
  return data;
}

Config resolved(Config config, const RunData& data) {
  const int64_t classes = int64_t(data.train->classes().size());
  if (config.model.classes == 0) config.model.classes = classes;
  if (config.model.classes != classes) {
    throw input_error("model.classes = {}: {} holds {} classes", config.model.classes, config.data.dir, classes);
  }
  if (config.model.takes_events()) return config;  // frames are counts and are used as they are
  for (const auto& [values, usual] : {std::pair{&config.data.mean, kUsualMean}, {&config.data.std, kUsualStd}}) {
    if (values->empty()) values->assign(1, usual);
    if (values->size() == 1) values->assign(size_t(config.model.channels), values->front());
    if (int64_t(values->size()) != config.model.channels) {
      throw input_error("data.mean and data.std: {} values, expected one for each of {} channels", values->size(),
                        config.model.channels);
    }
  }
  return config;
}

}  // namespace spikemix
