// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/model.h"

#include <utility>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/config/validate.h"
#include "spikemix/model/model.h"
#include "spikemix/nn/modules/initial_weights.h"
#include "spikemix/nn/modules/named_modules.h"
#include "spikemix/nn/modules/recompute.h"
#include "spikemix/plan/fan_out.h"

namespace spikemix {
namespace {

using torch::Tensor;

Plan checked_plan(const ModelConfig& model, const NeuronConfig& neuron) {
  validate(model, neuron);
  if (model.classes < 1) throw input_error("model.classes = {}: expected 1 or more", model.classes);
  return make_plan(model, neuron);
}

// For each layer, the values that it is the last to read, but never the head's.
std::vector<std::vector<int64_t>> last_reads(const Plan& plan) {
  std::vector<std::vector<int64_t>> values(plan.layers.size());
  std::vector<bool> read(plan.values.size(), false);
  read[size_t(plan.features)] = true;
  for (size_t i = plan.layers.size(); i-- > 0;) {
    for (const int64_t value : {plan.layers[i].reads, plan.layers[i].merges}) {
      if (value < 0 || read[size_t(value)]) continue;
      read[size_t(value)] = true;
      values[i].push_back(value);
    }
  }
  return values;
}

}  // namespace

SpikingTransformer::SpikingTransformer(const ModelConfig& model, const NeuronConfig& neuron, uint64_t seed)
    : plan_(checked_plan(model, neuron)), last_reads_(last_reads(plan_)), training_steps_(plan_.T) {
  layers_.reserve(plan_.layers.size());
  const std::vector<double> shares = spike_shares(plan_);
  for (size_t i = 0; i < plan_.layers.size(); ++i) layers_.emplace_back(plan_, plan_.layers[i], shares[i], *this, seed);
  const int64_t D = plan_.values[size_t(plan_.features)].channels;
  head_weight_ = register_tensor_as(*this, plan_.head_weight, torch::zeros({plan_.classes, D}));
  head_bias_ = register_tensor_as(*this, plan_.head_bias, torch::zeros({plan_.classes}));
  draw_weight(head_weight_, plan_.head_weight, seed);
}

Tensor SpikingTransformer::forward(const Tensor& images) {
  const auto type = head_weight_.scalar_type() == torch::kFloat64 ? torch::kFloat64 : precision_;
  const Pass pass{.type = type,
                  .training = is_training(),
                  .sparse_below = sparse_below_,
                  .T = is_training() ? training_steps_ : plan_.T,
                  .observer = observer_ ? &observer_ : nullptr,
                  .ranks = ranks_,
                  .spike_cost = spike_cost_,
                  .meter = is_training() && counts_spikes_ ? &meter_ : nullptr};
  if (pass.meter) meter_.begin();
  Tensor x = input(images, type);
  for (const Segment& segment : plan_.segments) {
    std::vector<Tensor> learned;
    for (size_t i = segment.first; i < segment.last; ++i) {
      for (const Tensor& parameter : layers_[i].parameters()) learned.push_back(parameter);
    }
    if (!recompute_ || (learned.empty() && !x.requires_grad())) {  // all frozen: there is no backward
      x = run(segment, std::move(x), pass);
      continue;
    }
    const auto part = [this, &segment](const Tensor& in, const Pass& p) { return run(segment, in, p); };
    x = recomputed(part, learned, x, kept_as(plan_.values[size_t(segment.reads)].range), pass);
  }
  x = x.flatten(2, 3).mean(torch::IntArrayRef{0, 2}, false, head_weight_.scalar_type());  // [B, D]
  return torch::linear(x, head_weight_, head_bias_);
}

// Channels last: [B, H, W, C], or [T, B, H, W, C]. The first layer has few channels: it stays in fp32.
Tensor SpikingTransformer::input(const Tensor& images, torch::ScalarType type) const {
  const ValuePlan& in = plan_.input();
  std::vector<int64_t> sizes = {in.channels, in.height, in.width};
  if (!in.still) sizes.insert(sizes.begin(), plan_.T);
  if (images.dim() < 1 || images.sizes().slice(1) != torch::IntArrayRef(sizes))
    throw input_error("the model takes input of shape [B, {}] (batch first), found [{}]", fmt::join(sizes, ", "),
                      fmt::join(images.sizes(), ", "));
  return (in.still ? images.permute({0, 2, 3, 1}) : images.permute({1, 0, 3, 4, 2}))
      .to(type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
}

// Runs the layers of one segment, value by value; a value is released after its last reader.
Tensor SpikingTransformer::run(const Segment& segment, Tensor x, const Pass& pass) const {
  std::vector<Tensor> values(plan_.values.size());
  values[size_t(segment.reads)] = std::move(x);
  for (size_t i = segment.first; i < segment.last; ++i) {
    const LayerPlan& layer = plan_.layers[i];
    const Tensor merged = layer.merges < 0 ? Tensor() : values[size_t(layer.merges)];
    values[size_t(layer.writes)] = layers_[i].forward(values[size_t(layer.reads)], merged, pass);
    for (const int64_t value : last_reads_[i]) values[size_t(value)].reset();
  }
  return values[size_t(segment.writes)];
}

int64_t learned_values(const torch::nn::Module& model) {
  int64_t count = 0;
  for (const auto& parameter : model.parameters()) count += parameter.numel();
  return count;
}

}  // namespace spikemix
