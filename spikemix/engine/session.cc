// SPDX-License-Identifier: MIT
#include "spikemix/engine/session.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/engine/pass.h"
#include "spikemix/engine/team.h"
#include "spikemix/engine/workspace.h"

namespace spikemix {

struct Session::State {
  State(std::shared_ptr<const Network> n, const SessionOptions& options)
      : network(std::move(n)), streaming(options.streaming), team(options.threads), barrier(options.threads) {
    const int64_t T = streaming ? 1 : network->card.model.T;
    // The first is for an image that all threads share; each of the others is for one image.
    for (int64_t member = 0; member < (streaming ? 1 : team.size()); ++member)
      workspaces.push_back(
          std::make_unique<Workspace>(packed(), T, member == 0 ? team.size() : 1, streaming, options.max_image_bytes));
  }

  const PackedNetwork& packed() const { return *network->packed; }

  Watch watch() {
    return {observer ? &observer : nullptr, potentials ? &potentials : nullptr, counts ? &counts : nullptr,
            signed_spikes ? &signed_spikes : nullptr, profiling ? &layers : nullptr};
  }

  // One input, by all threads together.
  void together(const float* input) {
    Workspace& w = *workspaces[0];
    if (profiling || team.size() == 1) return forward(packed(), input, w, Share(), watch());
    const Watch watching = watch();
    const auto work = [&](int64_t member) {
      forward(packed(), input, w, Share(member, team.size(), &barrier), watching);
    };
    team.run(std::cref(work));  // by reference: std::function would put so large a lambda on the heap
  }

  const std::shared_ptr<const Network> network;
  const bool streaming;
  std::vector<std::unique_ptr<Workspace>> workspaces;
  Observer observer;
  PotentialObserver potentials;
  CountObserver counts;
  SignedObserver signed_spikes;
  bool profiling = false;
  std::vector<LayerProfile> layers;
  Team team;
  Barrier barrier;
};

Session::Session(std::shared_ptr<const Network> network, const SessionOptions& options) {
  constexpr int64_t kMostThreads = 1024;
  if (options.threads < 1 || options.threads > kMostThreads)
    throw input_error("threads = {}: expected 1 to {}", options.threads, kMostThreads);
  for (const LayerPlan& layer : network->packed->plan.layers) {
    if (options.streaming && layer.mixes_time)
      throw input_error("{}: mixes over time, which needs all steps at once; it cannot stream", layer.name);
  }
  state_ = std::make_unique<State>(std::move(network), options);
  reset();
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

const Network& Session::network() const { return *state_->network; }

int64_t Session::step_input_size() const {
  const ModelConfig& m = network().card.model;
  return m.channels * m.height * m.width;
}
int64_t Session::input_size() const {
  const ModelConfig& m = network().card.model;
  return step_input_size() * (m.input == "events" ? m.T : 1);
}

int64_t Session::image_bytes() const { return state_->workspaces[0]->bytes; }

void Session::infer(int64_t images, const float* inputs, float* logits) {
  State& s = *state_;
  const int64_t classes = network().card.model.classes, size = input_size(), members = s.team.size();
  if (s.streaming) {
    const bool events = network().card.model.input == "events";
    for (int64_t i = 0; i < images; ++i) {
      reset();
      for (int64_t t = 0; t < network().card.model.T; ++t)
        step(inputs + i * size + (events ? t * step_input_size() : 0), logits + i * classes);
    }
    reset();
    return;
  }
  const auto finish = [&](Workspace& w, int64_t image) {
    classify(s.packed(), w, logits + image * classes);
    w.forget_sums();
  };
  // One image for each thread while there are enough of them; all threads share each of the rest.
  int64_t alone = s.observer || s.potentials || s.counts || s.signed_spikes || s.profiling || members == 1
                      ? 0
                      : images / members * members;
  std::atomic<int64_t> next = 0;
  if (alone > 0) {
    const auto work = [&](int64_t member) {
      Workspace& w = *s.workspaces[size_t(member)];
      for (int64_t i = next++; i < alone; i = next++) {
        forward(s.packed(), inputs + i * size, w, Share(), {});
        finish(w, i);
      }
    };
    s.team.run(std::cref(work));  // by reference, as in together()
  }
  for (; alone < images; ++alone) {
    s.together(inputs + alone * size);
    finish(*s.workspaces[0], alone);
  }
}

void Session::step(const float* input, float* logits) {
  if (!state_->streaming) throw std::logic_error("step() needs SessionOptions::streaming");
  state_->together(input);
  classify(state_->packed(), *state_->workspaces[0], logits);
}

void Session::reset() {
  state_->workspaces[0]->forget_potentials();
  state_->workspaces[0]->forget_sums();
}

int64_t Session::steps() const { return state_->workspaces[0]->steps; }

std::vector<Membrane> Session::membranes() const {
  const std::vector<Workspace::Potentials>& kept = state_->workspaces[0]->potentials;
  std::vector<Membrane> list;
  const PackedNetwork& network = state_->packed();
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const LayerPlan& layer = network.plan.layers[i];
    if (!layer.neurons || kept.empty()) continue;
    const NeuronGrid grid = neuron_grid(network.plan, layer);
    for (const PackedPart& part : network.layers[i].parts)
      list.push_back({.part = part.spikes,
                      .rows = grid.rows,
                      .channels = grid.channels,
                      .stride = round_up_to(grid.channels, 64),
                      .threshold = part.lif.levels > 0 ? 0.5f : part.lif.v_threshold,
                      .values = kept[list.size()].values.data()});
  }
  return list;
}

void Session::set_observer(Observer observer, PotentialObserver potentials, CountObserver counts,
                           SignedObserver signed_spikes) {
  state_->observer = std::move(observer);
  state_->potentials = std::move(potentials);
  state_->counts = std::move(counts);
  state_->signed_spikes = std::move(signed_spikes);
}

void Session::start_profile() {
  state_->layers = describe_layers(state_->packed());
  state_->profiling = true;
}
std::vector<LayerProfile> Session::profile() const {
  std::vector<LayerProfile> layers = state_->layers;
  for (LayerProfile& layer : layers) {
    if (layer.byte_inputs == 0) continue;
    const double share = layer.byte_inputs / layer.inputs;
    layer.kernel = share == 1 ? "bytes, int8" : fmt::format("{}; {:.0f} % as bytes", layer.kernel, 100 * share);
  }
  return layers;
}

std::vector<double> softmax(std::span<const float> logits) {
  std::vector<double> probability;
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += probability.emplace_back(std::exp(double(logit) - top));
  for (double& p : probability) p /= sum;
  return probability;
}

}  // namespace spikemix
