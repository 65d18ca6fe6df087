// SPDX-License-Identifier: MIT
#include "spikemix/plan/tensors.h"

#include <algorithm>
#include <string_view>

namespace spikemix {
namespace {

using Kind = TensorSpec::Kind;

class Lister {
 public:
  explicit Lister(const Plan& plan) : plan_(plan) {}

  std::vector<TensorSpec> list() {
    for (const LayerPlan& layer : plan_.layers) {
      for (const LayerPart& part : layer.parts) add_part(layer, part);
    }
    const int64_t C = plan_.values[size_t(plan_.features)].channels;
    add(plan_.head_weight, {plan_.classes, C}, Kind::kWeight, "head").macs =
        double(plan_.classes * C) / double(plan_.T);
    add(plan_.head_bias, {plan_.classes}, Kind::kBias, "head");
    return std::move(tensors_);
  }

 private:
  TensorSpec& add(const std::string& name, std::vector<int64_t> shape, Kind kind, const std::string& layer) {
    return tensors_.emplace_back(TensorSpec{.name = name, .shape = std::move(shape), .kind = kind, .layer = layer});
  }

  void add_part(const LayerPlan& layer, const LayerPart& part) {
    const LayerTensors& t = part.tensors;
    const ValuePlan& to = plan_.values[size_t(layer.writes)];
    if (layer.has_weights()) add_weight(layer, part);
    if (!layer.coefficients.empty()) add(layer.coefficients, {layer.coefficient_count}, Kind::kCoefficients, part.name);
    if (!layer.gate.empty()) add(layer.gate, layer.gate_shape, Kind::kGate, part.name);
    if (!t.norm.empty()) {
      const NormNames norm(t.norm);
      add(norm.weight, {to.channels}, Kind::kNormWeight, part.name);
      add(norm.bias, {to.channels}, Kind::kNormBias, part.name);
      add(norm.mean, {to.channels}, Kind::kRunningMean, part.name);
      add(norm.variance, {to.channels}, Kind::kRunningVar, part.name);
      add(norm.counter, {}, Kind::kCounter, part.name);
    }
    if (!layer.position.empty()) add(layer.position, {to.rows(), to.channels}, Kind::kPosition, part.name);
    if (layer.learns_tau(plan_.neuron)) add(neuron_tensor(t.neuron), {}, Kind::kNeuron, part.name);
  }

  void add_weight(const LayerPlan& layer, const LayerPart& part) {
    TensorSpec& weight = add(part.tensors.weight, layer.weight_shape, Kind::kWeight, part.name);
    const Range& input = plan_.values[size_t(layer.reads)].range;
    weight.macs = dense_macs(plan_, layer);
    const bool inside = layer.role == Role::kHidden && !layer.window.depthwise;
    weight.hidden = inside && (layer.groups == 1 || layer.shares_weight);  // one matrix, not many
    // Depthwise convolutions are a fraction of the work and stay real, as transforms do.
    weight.integers = inside && !input.is_real();
    weight.frozen = part.frozen;
    if (!input.is_real()) weight.largest_input = std::max(input.largest(), -input.smallest());
    if (!part.tensors.bias.empty()) add(part.tensors.bias, {layer.weight_shape[0]}, Kind::kBias, part.name);
  }

  const Plan& plan_;
  std::vector<TensorSpec> tensors_;
};

constexpr std::string_view kUnit = "_unit";

}  // namespace

int64_t TensorSpec::values() const {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

std::vector<TensorSpec> tensors_of(const Plan& plan) { return Lister(plan).list(); }

int64_t learned_values(const std::vector<TensorSpec>& tensors) {
  int64_t n = 0;
  for (const TensorSpec& tensor : tensors) n += tensor.learned() ? tensor.values() : 0;
  return n;
}

std::string weight_of_unit(const std::string& name) {
  return name.ends_with(kUnit) ? name.substr(0, name.size() - kUnit.size()) : "";
}

}  // namespace spikemix
