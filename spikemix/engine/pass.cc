// SPDX-License-Identifier: MIT
#include "spikemix/engine/pass.h"

#include <fmt/format.h>

#include "spikemix/engine/layer_pass.h"

namespace spikemix {
namespace {

std::string kernel_name(const PackedWeights& weights) {
  switch (weights.type) {
    case WeightType::kF32:
      return "spike lists, fp32";
    case WeightType::kU16:
      return fmt::format("spike lists, int16 x {}", weights.panels[0].rows);
    case WeightType::kU8:
      return fmt::format("spike lists, int8 x {}", weights.panels[0].rows);
  }
  return "";
}

std::string kernel_name(const Plan& plan, const LayerPlan& layer, const PackedWeights& weights) {
  const ValuePlan& from = plan.values[size_t(layer.reads)];
  switch (layer.map) {
    case Map::kNone:
      return is_sum_alone(layer) ? "sum" : layer.neurons ? "neurons" : "norm";
    case Map::kTransform:
      return "linear transform, fp32";
    case Map::kGated:
      return "gated transform, fp32";
    case Map::kAttention:
      return layer.attention == Attention::kSsa ? "q (k' v) of spikes" : "sums of spikes";
    case Map::kMaxPool:
      return "max-pool";
    case Map::kTokenMean:
      return "mean over tokens";
    default:
      break;
  }
  if (layer.window.depthwise) return "depthwise, fp32";
  if (is_of_frames(plan, layer)) return "pixels with events, fp32";
  if (!from.range.is_real())
    return layer.groups > 1 ? fmt::format("groups, {}", kernel_name(weights)) : kernel_name(weights);
  return from.still ? "dense fp32, once for all steps" : "dense fp32";
}

}  // namespace

void forward(const PackedNetwork& network, const float* input, Workspace& w, const Share& share, const Watch& watch) {
  LayerPass pass(network, w, share, watch, input);
  for (size_t i = 0; i < network.plan.layers.size(); ++i) pass.run();
  pass.sum_features();
}

void classify(const PackedNetwork& network, const Workspace& w, float* logits) {
  const ValuePlan& features = network.plan.values[size_t(network.plan.features)];
  const int64_t C = features.channels;
  const double values = double(features.rows() * w.steps);
  for (size_t i = 0; i < network.head_bias.size(); ++i) {
    double sum = network.head_bias[i];
    const float* row = network.head_weight.data() + int64_t(i) * C;
    for (int64_t c = 0; c < C; ++c) sum += row[c] * (w.feature_sums[size_t(c)] / values);
    logits[i] = float(sum);
  }
}

std::vector<LayerProfile> describe_layers(const PackedNetwork& network) {
  std::vector<LayerProfile> layers;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const LayerPlan& layer = network.plan.layers[i];
    for (size_t part = 0; part < layer.parts.size(); ++part) {
      layers.push_back({.name = layer.parts[part].name,
                        .kernel = kernel_name(network.plan, layer, network.layers[i].weights_of(part)),
                        .dense_macs = dense_macs(network.plan, layer)});
    }
  }
  layers.push_back({.name = "mean over tokens, head", .kernel = "sums"});
  return layers;
}

}  // namespace spikemix
