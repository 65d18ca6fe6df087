// SPDX-License-Identifier: MIT
#include "spikemix/plan/builder.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 16;
constexpr int64_t kMostInputs =
    (int64_t{1} << 16) - 2;             // inputs of a product: the engine's lists of spikes have 16-bit indices
constexpr int64_t kLargestCount = 255;  // the engine and training hold counts in bytes

LayerPart part_of(const MapNames& names, PlanBuilder::Fires fires) {
  LayerPart part{names.name, {}, names.frozen};
  if (!names.weight.empty()) part.tensors.weight = names.weight + ".weight";
  if (names.bias) part.tensors.bias = names.weight + ".bias";
  part.tensors.norm = names.norm;
  if (fires != PlanBuilder::Fires::kNo) part.tensors.neuron = names.neuron;
  return part;
}

// The range of x op y for whole numbers.
Range merged(const Range& x, const Range& y, Merge merge) {
  if (x.is_real() || y.is_real()) return Range::real();
  if (merge == Merge::kIand) return x;
  return Range::whole(x.smallest() + y.smallest(), x.largest() + y.largest());
}

}  // namespace

PlanBuilder::PlanBuilder(const ModelConfig& model, const NeuronConfig& neuron) : model_(model) {
  plan_.architecture = model.architecture;
  plan_.T = model.T, plan_.classes = model.classes, plan_.neuron = neuron;
}

int64_t PlanBuilder::input() {
  return write({.height = model_.height,
                .width = model_.width,
                .channels = model_.channels,
                .range = Range::real(),
                .still = !model_.takes_events()});
}

LayerPlan& PlanBuilder::add(int64_t x, const std::string& name, Map map) {
  LayerPlan& layer = plan_.layers.emplace_back();
  layer.name = name, layer.map = map, layer.reads = x;
  layer.parts = {LayerPart{name, {}}};
  return layer;
}

int64_t PlanBuilder::write(ValuePlan value) {
  plan_.values.push_back(value);
  const auto index = int64_t(plan_.values.size()) - 1;
  if (!plan_.layers.empty() && plan_.layers.back().writes < 0) {
    plan_.layers.back().writes = index;
    plan_.layers.back().makes = value.range;
  }
  return index;
}

int64_t PlanBuilder::write(ValuePlan sizes, Fires fires) {
  LayerPlan& layer = plan_.layers.back();
  layer.neurons = fires != Fires::kNo, layer.signed_neurons = fires == Fires::kSigned;
  const bool counts = plan_.neuron.kind == "integer" && !layer.v_threshold;
  if (relu() && layer.signed_neurons) refuse_relu(layer.name, "signed spikes");
  sizes.range = !layer.neurons || relu() ? Range::real()
                : layer.signed_neurons   ? Range::signed_spikes()
                : counts                 ? Range::whole(0, plan_.neuron.levels)
                                         : Range::spikes();
  if (layer.neurons) sizes.still = false;
  return write(sizes);
}

int64_t PlanBuilder::convolution(int64_t x, const MapNames& names, const Window& window, int64_t channels,
                                 Fires fires) {
  const ValuePlan from = value(x);
  const int64_t inputs = window.depthwise ? 1 : from.channels;
  if (window.kernel * window.kernel * inputs > kMostInputs) {
    throw input_error("model.embed_dim: '{}' has {} x {} x {} inputs, expected up to {}", names.name, window.kernel,
                      window.kernel, inputs, kMostInputs);
  }
  LayerPlan& layer = add(x, names.name, Map::kConvolution);
  layer.parts = {part_of(names, fires)};
  layer.window = window;
  layer.weight_shape = {channels, inputs, window.kernel, window.kernel};
  if (x == 0) layer.role = Role::kFirst;
  return write({.height = window.out(from.height),
                .width = window.out(from.width),
                .channels = channels,
                .range = from.range,
                .still = from.still},
               fires);
}

int64_t PlanBuilder::linear(int64_t x, const std::vector<MapNames>& names, int64_t channels, int64_t trailing,
                            Fires fires) {
  const ValuePlan from = value(x);
  if (from.channels > kMostInputs)
    throw input_error("model.embed_dim: '{}' has {} inputs, expected up to {}", names[0].name, from.channels,
                      kMostInputs);
  LayerPlan& layer = add(x, names[0].name, Map::kLinear);
  layer.parts.clear();
  for (const MapNames& part : names) layer.parts.push_back(part_of(part, fires));
  if (names.size() > 1) {  // "block.0.attn.q" and its like: "block.0.attn.qkv"
    // Attention multiplies spikes: a product of counts is not a sum of such products.
    if (plan_.neuron.kind == "integer") layer.v_threshold = plan_.neuron.v_threshold;
    for (size_t i = 1; i < names.size(); ++i) layer.name += names[i].name.substr(names[i].name.rfind('.') + 1);
  }
  layer.weight_shape = {channels, from.channels};
  layer.weight_shape.insert(layer.weight_shape.end(), size_t(trailing), 1);
  ValuePlan to = from;
  to.channels = channels, to.parts = int64_t(names.size());
  return write(to, fires);
}

void PlanBuilder::refuse_relu(const std::string& name, std::string_view what) {
  throw input_error("neuron.kind = relu: '{}' is made of {}; take another mixer (wt2d, dwc3, gated, identity, ...)",
                    name, what);
}

// Neither the engine nor nn/ multiplies groups of other values: a plan that asks for it is a bug.
ValuePlan PlanBuilder::spikes_of_groups(int64_t x, const std::string& name, int64_t groups) const {
  const ValuePlan& from = value(x);
  if (from.range.is_real() || from.range.is_signed() || from.still || from.channels % groups != 0)
    throw std::logic_error(name + ": groups need spikes or counts of channels that they divide");
  return from;
}

int64_t PlanBuilder::grouped_linear(int64_t x, const MapNames& names, int64_t groups, Fires fires) {
  const ValuePlan from = spikes_of_groups(x, names.name, groups);
  LayerPlan& layer = add(x, names.name, Map::kLinear);
  layer.parts = {part_of(names, fires)};
  layer.groups = groups;
  layer.weight_shape = {from.channels, from.channels / groups};
  return write(from, fires);
}

int64_t PlanBuilder::shared_convolution(int64_t x, const MapNames& names, int64_t kernel, int64_t groups, Fires fires) {
  const ValuePlan from = spikes_of_groups(x, names.name, groups);
  LayerPlan& layer = add(x, names.name, Map::kConvolution);
  layer.parts = {part_of(names, fires)};
  layer.window = {.kernel = kernel, .stride = 1, .padding = kernel / 2};
  layer.groups = groups, layer.shares_weight = true;
  layer.weight_shape = {from.channels / groups, from.channels / groups, kernel, kernel};
  return write(from, fires);
}

int64_t PlanBuilder::transform(int64_t x, const std::string& name, const std::string& prefix, const std::string& text,
                               std::shared_ptr<const Mixer> mixer, int64_t coefficients, bool mixes_time, Fires fires) {
  LayerPlan& layer = add(x, name, Map::kTransform);
  layer.transform = text, layer.mixer = std::move(mixer), layer.mixes_time = mixes_time;
  if (coefficients > 0) layer.coefficients = prefix + "coeff", layer.coefficient_count = coefficients;
  layer.parts[0].tensors.norm = prefix + "bn";
  if (fires == Fires::kYes) layer.parts[0].tensors.neuron = prefix + "lif";
  return write(value(x), fires);
}

int64_t PlanBuilder::gated(int64_t x, const std::string& name, const std::string& prefix, const std::string& text,
                           std::shared_ptr<const GatedTransform> transform, std::vector<int64_t> gate_shape,
                           Fires fires) {
  LayerPlan& layer = add(x, name, Map::kGated);
  layer.transform = text, layer.gated = std::move(transform);
  layer.gate = prefix + "gate", layer.gate_shape = std::move(gate_shape);
  layer.parts[0].tensors.norm = prefix + "bn";
  if (fires == Fires::kYes) layer.parts[0].tensors.neuron = prefix + "lif";
  return write(value(x), fires);
}

int64_t PlanBuilder::transform(int64_t x, const MapNames& names, const std::string& text,
                               std::shared_ptr<const Mixer> mixer, Fires fires) {
  LayerPlan& layer = add(x, names.name, Map::kTransform);
  layer.transform = text, layer.mixer = std::move(mixer);
  layer.parts = {part_of(names, fires)};
  return write(value(x), fires);
}

int64_t PlanBuilder::attention(int64_t x, const std::string& name, const std::string& neuron, Attention kind,
                               int64_t heads, double scale) {
  if (relu()) refuse_relu(name, "products of spikes");
  LayerPlan& layer = add(x, name, Map::kAttention);
  layer.attention = kind, layer.heads = heads, layer.scale = scale;
  layer.parts[0].tensors.neuron = neuron;
  layer.v_threshold = 0.5;
  ValuePlan to = value(x);
  to.parts = 1;
  return write(to, Fires::kYes);
}

int64_t PlanBuilder::max_pool(int64_t x, const std::string& name, const Window& window) {
  add(x, name, Map::kMaxPool).window = window;
  ValuePlan to = value(x);
  to.height = window.out(to.height), to.width = window.out(to.width);
  return write(to);
}

int64_t PlanBuilder::token_mean(int64_t x, const std::string& name) {
  add(x, name, Map::kTokenMean);
  ValuePlan to = value(x);
  to.height = to.width = 1;
  return write(to, Fires::kNo);
}

int64_t PlanBuilder::add_position(int64_t x, const std::string& name, const std::string& position,
                                  const std::string& neuron, Fires fires) {
  LayerPlan& layer = add(x, name, Map::kNone);
  layer.position = position;
  if (fires == Fires::kYes) layer.parts[0].tensors.neuron = neuron;
  return write(value(x), fires);
}

int64_t PlanBuilder::neurons(int64_t x, const std::string& name, const std::string& neuron) {
  add(x, name, Map::kNone).parts[0].tensors.neuron = neuron;
  return write(value(x), Fires::kYes);
}

int64_t PlanBuilder::norm(int64_t x, const std::string& name, const std::string& norm, const std::string& neuron,
                          Fires fires) {
  LayerTensors& tensors = add(x, name, Map::kNone).parts[0].tensors;
  tensors.norm = norm;
  if (fires == Fires::kYes) tensors.neuron = neuron;
  return write(value(x), fires);
}

int64_t PlanBuilder::merge(int64_t x, int64_t y, Merge merge) {
  ValuePlan to = value(y);
  if (merge == Merge::kIand && !to.range.is_spikes())
    throw input_error("model.stream = iand: x (1 - y) needs spikes, neuron.kind = {} makes {}", plan_.neuron.kind,
                      relu() ? "real values" : "counts");
  to.range = merged(value(x).range, to.range, merge);
  to.still = to.still && value(x).still;
  if (!to.range.is_real() && to.range.largest() > kLargestCount) {
    throw input_error(
        "model.depth (or neuron.levels): the residual stream would count up to {} spikes, expected up to {}",
        to.range.largest(), kLargestCount);
  }
  LayerPlan& last = plan_.layers.back();
  if (last.writes == y && last.merge == Merge::kNone) {
    last.merges = x, last.merge = merge;
    plan_.values[size_t(y)] = to;
    return y;
  }
  LayerPlan& sum = add(y, last.name + ".sum", Map::kNone);
  sum.merges = x, sum.merge = merge;
  const Range makes = value(y).range;
  const int64_t result = write(to);
  plan_.layers.back().makes = makes;
  return result;
}

void PlanBuilder::begin_segment(const std::string& name, const std::string& mixer) {
  if (!plan_.segments.empty()) plan_.segments.back().last = plan_.layers.size();
  plan_.segments.push_back({name, mixer, plan_.layers.size(), 0, 0, 0});
}

void PlanBuilder::check_tokens(int64_t x) const {
  if (value(x).rows() > kMostTokens) {
    throw input_error("model.height x width after the pools = {}: expected up to {} tokens", value(x).rows(),
                      kMostTokens);
  }
}

Plan PlanBuilder::finish(int64_t features, const std::string& head) && {
  plan_.features = features;
  plan_.head_weight = head + ".weight", plan_.head_bias = head + ".bias";
  check_tokens(features);
  plan_.segments.back().last = plan_.layers.size();
  // A segment without layers (a block of nothing) is dropped.
  std::erase_if(plan_.segments, [](const Segment& s) { return s.first == s.last; });
  for (Segment& segment : plan_.segments) {
    segment.reads = plan_.layers[segment.first].reads;
    segment.writes = plan_.layers[segment.last - 1].writes;
  }
  return std::move(plan_);
}

double dense_macs(const Plan& plan, const LayerPlan& layer) {
  if (!layer.has_weights()) return 0;
  double weights = 1;
  for (const int64_t size : layer.weight_shape) weights *= double(size);
  if (layer.shares_weight) weights *= double(layer.groups);
  return weights * double(plan.values[size_t(layer.writes)].rows());
}

double dense_attention(const Plan& plan, const LayerPlan& layer) {
  if (layer.map != Map::kAttention) return 0;
  const ValuePlan& to = plan.values[size_t(layer.writes)];
  const double values = double(to.rows() * to.channels);
  switch (layer.attention) {
    case Attention::kSsa:
      return 2 * values * double(to.channels / layer.heads);
    case Attention::kQkToken:
    case Attention::kQkChannel:
    case Attention::kSpikeDriven:
      return values;
  }
  return 0;
}

}  // namespace spikemix
