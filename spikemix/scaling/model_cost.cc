// SPDX-License-Identifier: MIT
#include "spikemix/scaling/model_cost.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"
#include "spikemix/engine/session.h"
#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/model/model.h"
#include "spikemix/scaling/median.h"
#include "spikemix/scaling/random_network.h"

namespace spikemix {
namespace {

constexpr double kEvents = 0.05;  // share of a frame's values, as in recordings

std::vector<float> random_input(const Session& session) {
  Rng rng(0, Rng::Purpose::kWeights, 1);
  const bool events = session.network().card.model.takes_events();
  std::vector<float> input(size_t(session.input_size()));
  for (float& value : input) value = events ? float(rng.coin(kEvents)) : float(rng.normal());
  return input;
}

// The share of all neurons' outputs that are not 0.
double density_of(Session& session, const std::vector<float>& input) {
  double there = 0, all = 0;
  const auto spikes = [&](const std::string&, int64_t T, int64_t rows, int64_t C, const uint64_t* bits) {
    there += double(count_ones(T * rows * spike_words(C), bits)), all += double(T * rows * C);
  };
  const auto bytes = [&](const std::string&, int64_t T, int64_t rows, int64_t C, const auto* values) {
    for (int64_t i = 0; i < T * rows * 64 * spike_words(C); ++i) there += values[i] != 0;
    all += double(T * rows * C);
  };
  session.set_observer(spikes, {}, bytes, bytes);
  std::vector<float> logits(size_t(session.network().card.model.classes));
  session.infer(1, input.data(), logits.data());
  session.set_observer({});
  return all > 0 ? there / all : 0;
}

}  // namespace

ModelBench::ModelBench(const ScalingTask& task) : task_(task), bias_(bias_for(task.density)) {}

ModelCard ModelBench::card_of(const std::string& mixer, int64_t tokens) const {
  ModelCard card;
  card.name = "scaling", card.neuron = task_.neuron, card.model = task_.model;
  ModelConfig& m = card.model;
  if (m.classes == 0) m.classes = 10;
  // Without mixing, because a mixer may refuse the recipe's own size and accept this one.
  m.mixer = {"identity"};
  const double now = double(make_plan(m, card.neuron).tokens().rows());
  const double factor = std::sqrt(double(tokens) / now);
  m.height = std::llround(factor * double(m.height)), m.width = std::llround(factor * double(m.width));
  const int64_t found = make_plan(m, card.neuron).tokens().rows();
  if (found != tokens)
    throw input_error("the model: {} x {} pixels give {} tokens, not {}", m.height, m.width, found, tokens);
  m.mixer = {mixer};
  return card;
}

double ModelBench::bias_for(double density) const {
  for (const int64_t tokens : task_.tokens) {
    try {
      const ModelCard card = card_of("identity", tokens);
      double low = -4, high = 4;  // more bias gives more spikes
      for (int i = 0; i < 9; ++i) {
        const double middle = (low + high) / 2;
        Session session(random_network(card, task_.precision, task_.density, middle));
        (density_of(session, random_input(session)) < density ? low : high) = middle;
      }
      return (low + high) / 2;
    } catch (const InputError&) {  // measure() will report it
    }
  }
  return 0;
}

ScalingPoint ModelBench::measure(const std::string& mixer, int64_t tokens) const {
  const ModelCard card = card_of(mixer, tokens);
  Session session(random_network(card, task_.precision, task_.density, bias_),
                  {.threads = task_.threads, .max_image_bytes = kMostBytes});
  const std::vector<float> input = random_input(session);
  std::vector<float> logits(size_t(card.model.classes));
  ScalingPoint point;
  point.tokens = tokens;
  point.density = density_of(session, input);
  point.bytes = double(session.image_bytes());
  const Median median = median_seconds(task_.seconds, [&] {
    const auto start = Clock::now();
    session.infer(1, input.data(), logits.data());
    return seconds_since(start);
  });
  point.seconds = median.seconds, point.disturbed = median.disturbed;
  return point;
}

}  // namespace spikemix
