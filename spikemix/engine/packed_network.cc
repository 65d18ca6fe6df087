// SPDX-License-Identifier: MIT
#include "spikemix/engine/packed_network.h"

#include <utility>

namespace spikemix {
namespace {

int64_t readers(const Plan& plan, int64_t value) {
  int64_t n = plan.features == value;
  for (const LayerPlan& layer : plan.layers) n += (layer.reads == value) + (layer.merges == value);
  return n;
}

bool neurons_alone(const LayerPlan& layer) {
  return layer.map == Map::kNone && layer.neurons && !layer.signed_neurons && !layer.has_norm() &&
         layer.position.empty();
}

bool can_fire(const LayerPlan& layer) {
  const bool map = layer.map == Map::kConvolution || layer.map == Map::kLinear || layer.map == Map::kTransform ||
                   layer.map == Map::kGated;
  return (map || layer.has_norm()) && !layer.neurons && layer.merge == Merge::kNone && layer.parts.size() == 1;
}

}  // namespace

std::vector<std::string> join_neurons(Plan& plan) {
  std::vector<std::string> spikes;
  std::vector<LayerPlan> layers;
  for (const LayerPlan& layer : plan.layers) {
    if (layers.empty() || !neurons_alone(layer) || layer.reads != layers.back().writes || !can_fire(layers.back()) ||
        readers(plan, layer.reads) > 1) {
      layers.push_back(layer);
      spikes.emplace_back();
      continue;
    }
    LayerPlan& map = layers.back();
    map.neurons = true, map.v_threshold = layer.v_threshold, map.makes = layer.makes;
    map.parts[0].tensors.neuron = layer.parts[0].tensors.neuron;
    map.merge = layer.merge, map.merges = layer.merges, map.writes = layer.writes;
    spikes.back() = layer.parts[0].name;
  }
  plan.layers = std::move(layers);
  plan.segments.clear();  // they number layers that are renumbered here, and the engine does not use them
  return spikes;
}

NeuronGrid neuron_grid(const Plan& plan, const LayerPlan& layer) {
  const ValuePlan& out = plan.values[size_t(layer.writes)];
  if (layer.map != Map::kAttention || layer.attention == Attention::kSsa) return {out.rows(), out.channels};
  if (layer.attention == Attention::kQkToken) return {out.rows(), layer.heads};
  return {1, out.channels};
}

}  // namespace spikemix
