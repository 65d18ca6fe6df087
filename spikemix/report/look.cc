// SPDX-License-Identifier: MIT
#include "spikemix/report/look.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <numeric>

#include "spikemix/data/evaluate.h"
#include "spikemix/data/loader.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/model/model.h"

namespace spikemix::reports {

int64_t Answers::right() const {
  int64_t n = 0;
  for (size_t i = 0; i < truth.size(); ++i) n += truth[i] == answer[i];
  return n;
}

std::vector<int64_t> Answers::counts() const {
  std::vector<int64_t> counts(classes.size() * classes.size());
  for (size_t i = 0; i < truth.size(); ++i) ++counts[size_t(truth[i]) * classes.size() + size_t(answer[i])];
  return counts;
}

Answers answer(const std::shared_ptr<const Network>& network, const std::shared_ptr<const Dataset>& data,
               int64_t threads, const std::function<void(int64_t done)>& done) {
  constexpr int64_t kBatch = 64;
  Answers answers;
  answers.classes = data->classes();
  Session session(network, {.threads = threads});
  const size_t classes = size_t(network->card.model.classes);
  evaluate(
      data, test_loader_options(network->card, kBatch, 1),
      [&](const Batch& batch) {
        std::vector<float> logits(size_t(batch.size) * classes);
        session.infer(batch.size, batch.images.data(), logits.data());
        for (size_t i = 0; i < size_t(batch.size); ++i) {
          const std::vector<double> p = softmax(std::span(logits).subspan(i * classes, classes));
          const auto best = std::ranges::max_element(p);
          answers.truth.push_back(batch.labels[i]);
          answers.answer.push_back(best - p.begin()), answers.probability.push_back(*best);
        }
        return logits;
      },
      done);
  return answers;
}

namespace {

double weight_bytes(Precision precision) {
  return precision == Precision::kInt8 ? 1 : precision == Precision::kInt16 ? 2 : 4;
}

// Calls visit(input) for each image of the data.
template <class Visit>
void for_each_input(const Network& network, const std::shared_ptr<const Dataset>& data, const Visit& visit) {
  Loader loader(data, test_loader_options(network.card, 1, 1));
  loader.start_epoch(0);
  for (Batch batch; loader.next(batch);) visit(batch.images.data());
}

}  // namespace

Activity measure(const std::shared_ptr<const Network>& network, const std::shared_ptr<const Dataset>& data) {
  Activity activity;
  const Plan plan = make_plan(network->card.model, network->card.neuron);
  std::vector<float> logits(size_t(plan.classes));
  OperationCounter counter(plan, weight_bytes(network->precision));
  std::map<std::string, size_t> place;
  Session watched(network);
  // Rates are spikes per neuron; for integer neurons, counts.
  const auto see = [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const auto* spikes) {
    counter.see(layer, T, rows, channels, spikes);
    const auto [entry, is_new] = place.try_emplace(layer, activity.rates.size());
    if (is_new) activity.rates.push_back({layer, rows * channels, std::vector<double>(size_t(T))});
    const std::vector<int16_t> all = unpacked_spikes(T * rows, channels, spikes);
    for (int64_t t = 0; t < T; ++t) {
      const auto first = all.begin() + t * rows * channels;
      activity.rates[entry->second].rates[size_t(t)] +=
          std::accumulate(first, first + rows * channels, 0.0, [](double sum, int n) { return sum + std::abs(n); });
    }
  };
  watched.set_observer(see, {}, see, see);
  for_each_input(*network, data, [&](const float* input) {
    counter.begin_image(input);
    watched.infer(1, input, logits.data());
    counter.end_image();
  });
  activity.images = counter.images(), activity.operations = counter.layers();
  for (LayerRates& layer : activity.rates) {
    for (double& rate : layer.rates) rate /= double(layer.neurons) * double(activity.images);
  }
  Session timed(network);  // without an observer, which takes time itself
  timed.start_profile();
  for_each_input(*network, data, [&](const float* input) { timed.infer(1, input, logits.data()); });
  activity.profile = timed.profile();
  return activity;
}

}  // namespace spikemix::reports
