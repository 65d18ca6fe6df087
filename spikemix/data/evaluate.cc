// SPDX-License-Identifier: MIT
#include "spikemix/data/evaluate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/data/event_input.h"

namespace spikemix {

ModelCard card_of(const Config& config, const Dataset& train) {
  ModelCard card;
  card.name = config.name, card.model = config.model, card.neuron = config.neuron;
  card.mean = config.data.mean, card.std = config.data.std;
  card.classes = train.classes();
  card.frames.by = config.data.frames, card.frames.values = config.data.frame_values;
  if (train.holds_events()) measure(train, config.model.T, card.frames);
  return card;
}

LoaderOptions test_loader_options(const ModelCard& card, int64_t batch, int64_t threads) {
  LoaderOptions options;
  options.events = card.model.takes_events(), options.T = card.model.T, options.frames = card.frames;
  options.height = card.model.height, options.width = card.model.width, options.channels = card.model.channels;
  options.classes = card.model.classes;
  options.mean = card.mean, options.std = card.std;
  options.batch = batch, options.threads = threads;
  return options;
}

LoaderOptions train_loader_options(const ModelCard& card, const Config& config) {
  LoaderOptions options = test_loader_options(card, config.train.batch, config.train.loader_threads);
  options.train = true;
  options.drop_last = true;
  options.augment = config.augment;
  options.seed = uint64_t(config.train.seed);
  return options;
}

EvalResult evaluate(std::shared_ptr<const Dataset> data, const LoaderOptions& options, const Classifier& classifier,
                    const std::function<void(int64_t done)>& on_batch, const SumOfRanks& sum_of_ranks) {
  const auto start = Clock::now();
  EvalResult result;
  result.answers.resize(size_t(data->size()));
  Loader loader(std::move(data), options);
  loader.start_epoch(0);
  Batch batch;
  int64_t first = 0, fifth = 0;
  double loss = 0;
  while (loader.next(batch)) {
    if (batch.size == 0) continue;  // a last batch with fewer images than ranks
    const std::vector<float> logits = classifier(batch);
    for (int64_t i = 0; i < batch.size; ++i) {
      const float* row = logits.data() + i * options.classes;
      const float* end = row + options.classes;
      const float own = row[batch.labels[size_t(i)]];
      // The rank of the right class: how many classes score higher. Ties count in the model's favour, but argmax takes
      // the first.
      fifth += std::count_if(row, end, [&](float logit) { return logit > own; }) < 5;
      const float* top = std::max_element(row, end);
      first += top - row == batch.labels[size_t(i)];
      result.answers[size_t(batch.rows[size_t(i)])] = int32_t(top - row);
      double sum = 0;
      for (const float* logit = row; logit < end; ++logit) sum += std::exp(double(*logit) - double(*top));
      loss += std::log(sum) + double(*top) - double(own);
    }
    result.images += batch.size;
    if (on_batch) on_batch(result.images);
  }
  if (sum_of_ranks) {
    // Each image belongs to one rank: the others have 0 in its place.
    std::vector<double> sums(result.answers.begin(), result.answers.end());
    sum_of_ranks(sums);
    std::ranges::transform(sums, result.answers.begin(), [](double answer) { return int32_t(answer); });
    sums = {double(result.images), double(first), double(fifth), loss};
    sum_of_ranks(sums);
    result.images = int64_t(sums[0]), first = int64_t(sums[1]), fifth = int64_t(sums[2]), loss = sums[3];
  }
  const double n = double(result.images);
  result.top1 = 100 * double(first) / n, result.top5 = 100 * double(fifth) / n, result.loss = loss / n;
  result.images_per_second = n / seconds_since(start);
  return result;
}

}  // namespace spikemix
