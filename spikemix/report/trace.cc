// SPDX-License-Identifier: MIT
#include <algorithm>
#include <map>

#include "spikemix/base/error.h"
#include "spikemix/model/model.h"
#include "spikemix/report/look.h"

namespace spikemix::reports {
namespace {

constexpr size_t kTracedLayers = 6;   // nobody would read a longer page
constexpr size_t kTracedNeurons = 5;  // in each

// One pass that keeps the output of all layers.
class Pass {
 public:
  Pass(const std::shared_ptr<const Network>& network, const float* input)
      : plan_(make_plan(network->card.model, network->card.neuron)), counter_(plan_, 4), session_(network) {
    session_.set_observer(
        [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint64_t* bits) {
          counter_.see(layer, T, rows, channels, bits);
          keep(layer, T, rows, channels, bits);
        },
        [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, float* values) {
          potentials_[layer].assign(values, values + T * rows * channels);
        },
        [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, uint8_t* counts) {
          counter_.see(layer, T, rows, channels, counts);
          keep(layer, T, rows, channels, counts);
        },
        [this](const std::string& layer, int64_t T, int64_t rows, int64_t channels, int8_t* spikes) {
          counter_.see(layer, T, rows, channels, spikes);
          keep(layer, T, rows, channels, spikes);
        });
    logits_.resize(size_t(plan_.classes));
    counter_.begin_image(input);
    session_.infer(1, input, logits_.data());
    counter_.end_image();
  }

  std::vector<LayerSpikes> take_layers() { return std::move(layers_); }
  std::vector<double> probabilities() const { return softmax(logits_); }
  // Needs the layers.
  std::vector<MixerValues> mixers() const;

 private:
  // Bits, the counts of integer neurons, or signed spikes.
  template <class Spikes>
  void keep(const std::string& layer, int64_t T, int64_t rows, int64_t channels, const Spikes* made) {
    LayerSpikes spikes{.layer = layer, .T = T, .height = rows, .width = 1, .channels = channels, .spikes = {}};
    for (const LayerPlan& of : plan_.layers) {
      const ValuePlan& value = plan_.values[size_t(of.writes)];
      const bool named = std::ranges::any_of(of.parts, [&](const LayerPart& part) { return part.name == layer; });
      if (named && value.rows() == rows) spikes.height = value.height, spikes.width = value.width;
    }
    spikes.spikes = unpacked_spikes(T * rows, channels, made);
    layers_.push_back(std::move(spikes));
  }

  // A value of the plan as numbers; empty if the engine does not store it separately.
  std::vector<float> value(int64_t v) const {
    if (!plan_.values[size_t(v)].range.is_real()) {
      const std::vector<int16_t>& whole = counter_.whole(v);
      return {whole.begin(), whole.end()};
    }
    for (const LayerPlan& layer : plan_.layers) {
      const auto found = potentials_.find(layer.parts[0].name);
      if (layer.writes == v && found != potentials_.end()) return found->second;
    }
    return {};
  }

  std::vector<float> made_by(const LayerPlan& layer) const {
    if (!layer.neurons) return value(layer.writes);
    const auto found = std::ranges::find(layers_, layer.parts[0].name, &LayerSpikes::layer);
    return found == layers_.end() ? std::vector<float>()
                                  : std::vector<float>(found->spikes.begin(), found->spikes.end());
  }

  const Plan plan_;
  OperationCounter counter_;
  Session session_;
  std::vector<LayerSpikes> layers_;
  std::map<std::string, std::vector<float>> potentials_;
  std::vector<float> logits_;
};

// A block's mixer is its first branch: from what the block reads to the layer that is merged with the stream.
std::vector<MixerValues> Pass::mixers() const {
  std::vector<MixerValues> list;
  for (const Segment& segment : plan_.segments) {
    if (segment.mixer.empty()) continue;
    for (size_t i = segment.first; i < segment.last; ++i) {
      const LayerPlan& layer = plan_.layers[i];
      if (layer.merges != segment.reads) continue;
      const ValuePlan& tokens = plan_.values[size_t(segment.reads)];
      MixerValues values{.block = segment.name,
                         .mixer = segment.mixer,
                         .with_stream = !layer.neurons,
                         .height = tokens.height,
                         .width = tokens.width,
                         .channels = tokens.channels,
                         .before = value(segment.reads),
                         .after = made_by(layer)};
      const bool same = plan_.values[size_t(layer.writes)].rows() == tokens.rows();
      if (same && !values.before.empty() && !values.after.empty()) list.push_back(std::move(values));
      break;
    }
  }
  return list;
}

// Evenly spread among the neurons that fire, or among all if none do.
std::vector<int64_t> chosen(const LayerSpikes& layer) {
  const int64_t n = layer.rows() * layer.channels;
  std::vector<int64_t> firing;
  for (int64_t i = 0; i < n; ++i) {
    bool fires = false;
    for (int64_t t = 0; t < layer.T; ++t) fires |= layer.spikes[size_t(t * n + i)] != 0;
    if (fires) firing.push_back(i);
  }
  std::vector<int64_t> neurons;
  const size_t among = firing.empty() ? size_t(n) : firing.size(), count = std::min(kTracedNeurons, among);
  for (size_t k = 0; k < count; ++k) {
    const size_t i = (2 * k + 1) * among / (2 * count);
    neurons.push_back(firing.empty() ? int64_t(i) : firing[i]);
  }
  return neurons;
}

// Evenly spread among that many layers, including the last.
std::vector<MembraneTraces> begin_traces(const std::vector<LayerSpikes>& layers) {
  std::vector<MembraneTraces> traces;
  const size_t count = std::min(kTracedLayers, layers.size());
  for (size_t k = 1; k <= count; ++k) {
    const LayerSpikes& layer = layers[k * layers.size() / count - 1];
    MembraneTraces& trace = traces.emplace_back();
    trace.layer = layer.layer, trace.neurons = chosen(layer);
    trace.potentials.resize(trace.neurons.size());
    for (const int64_t neuron : trace.neurons) {
      std::vector<bool>& fired = trace.fired.emplace_back();
      for (int64_t t = 0; t < layer.T; ++t)
        fired.push_back(layer.spikes[size_t(t * layer.rows() * layer.channels + neuron)] != 0);
    }
  }
  return traces;
}

std::vector<MembraneTraces> membranes(const std::shared_ptr<const Network>& network, const float* input,
                                      const std::vector<LayerSpikes>& layers) {
  std::vector<MembraneTraces> traces = begin_traces(layers);
  Session session(network, {.streaming = true});
  const ModelConfig& m = network->card.model;
  std::vector<float> logits(size_t(m.classes));
  for (int64_t t = 0; t < m.T; ++t) {
    session.step(input + (m.takes_events() ? t * session.step_input_size() : 0), logits.data());
    for (const Membrane& membrane : session.membranes()) {
      const auto trace = std::ranges::find(traces, membrane.part, &MembraneTraces::layer);
      const auto layer = std::ranges::find(layers, membrane.part, &LayerSpikes::layer);
      if (trace == traces.end() || layer->rows() != membrane.rows || layer->channels != membrane.channels) continue;
      trace->threshold = membrane.threshold;
      for (size_t i = 0; i < trace->neurons.size(); ++i) {
        const int64_t row = trace->neurons[i] / membrane.channels, channel = trace->neurons[i] % membrane.channels;
        trace->potentials[i].push_back(membrane.values[row * membrane.stride + channel]);
      }
    }
  }
  // Neurons that stand for many spikes (a gate of attention's) have no trace of their own.
  std::erase_if(traces,
                [](const MembraneTraces& trace) { return trace.potentials.empty() || trace.potentials[0].empty(); });
  return traces;
}

}  // namespace

Trace trace(const std::shared_ptr<const Network>& network, const float* input) {
  Trace result;
  Pass pass(network, input);
  result.mixers = pass.mixers(), result.probabilities = pass.probabilities();
  result.layers = pass.take_layers();
  if (make_plan(network->card.model, network->card.neuron).mixes_time()) {
    result.no_membranes = "the mixer needs all time steps at once, so this model cannot run step by step";
  } else {
    result.membranes = membranes(network, input, result.layers);
  }
  return result;
}

}  // namespace spikemix::reports
