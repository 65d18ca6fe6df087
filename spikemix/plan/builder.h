// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/plan/plan.h"

namespace spikemix {

/// The names of a layer with weights, and whether its map has a bias; one for each part.
struct MapNames {
  std::string name;  // "block.0.mlp.fc1"
  // Prefixes, "" for what is missing: "block.0.mlp.fc1_linear", "block.0.mlp.fc1_bn", "block.0.mlp.fc1_lif".
  std::string weight = {}, norm = {}, neuron = {};
  bool bias = false;
  bool frozen = false;  // LayerPart::frozen
};

/// Writes a plan layer by layer, in the order of the forward pass. Each call returns the value that its layer writes,
/// with sizes and range derived from what the layer reads. Calls refuse what neither training nor the engine can run.
class PlanBuilder {
 public:
  PlanBuilder(const ModelConfig& model, const NeuronConfig& neuron);

  const ModelConfig& model() const { return model_; }
  const ValuePlan& value(int64_t index) const { return plan_.values[size_t(index)]; }

  /// The network's input: pixels, which are the same at every step, or frames of events.
  int64_t input();

  /// Does the layer have neurons of its own after the norm? Signed ones fire 1 and -1.
  enum class Fires { kNo, kYes, kSigned };
  int64_t convolution(int64_t x, const MapNames& names, const Window& window, int64_t channels, Fires fires);
  /// Maps each token. Several names give that many maps side by side. The weight is [out, in] and `trailing` ones.
  int64_t linear(int64_t x, const std::vector<MapNames>& names, int64_t channels, int64_t trailing, Fires fires);
  /// Maps each token and each of `groups` groups of channels separately: weight [channels, channels / groups].
  int64_t grouped_linear(int64_t x, const MapNames& names, int64_t groups, Fires fires);
  /// One k x k convolution of stride 1 for all groups of channels: weight [channels / groups, channels / groups, k, k].
  int64_t shared_convolution(int64_t x, const MapNames& names, int64_t kernel, int64_t groups, Fires fires);
  /// @param prefix  "block.0.attn.": tensors coeff, bn.*, lif.*
  /// @param text    the mixer's text: LayerPlan::transform
  int64_t transform(int64_t x, const std::string& name, const std::string& prefix, const std::string& text,
                    std::shared_ptr<const Mixer> mixer, int64_t coefficients, bool mixes_time, Fires fires);
  /// @param prefix  tensors gate, bn.*, lif.*
  int64_t gated(int64_t x, const std::string& name, const std::string& prefix, const std::string& text,
                std::shared_ptr<const GatedTransform> transform, std::vector<int64_t> gate_shape, Fires fires);
  /// A mixer without coefficients that treats each step alone, with the norm and neurons that `names` has.
  int64_t transform(int64_t x, const MapNames& names, const std::string& text, std::shared_ptr<const Mixer> mixer,
                    Fires fires);
  /// Neurons with threshold 0.5 on the attention product of the parts of `x`.
  int64_t attention(int64_t x, const std::string& name, const std::string& neuron, Attention kind, int64_t heads,
                    double scale);
  int64_t max_pool(int64_t x, const std::string& name, const Window& window);
  int64_t token_mean(int64_t x, const std::string& name);
  /// x + the learned tensor `position`, followed by neurons or not.
  int64_t add_position(int64_t x, const std::string& name, const std::string& position, const std::string& neuron,
                       Fires fires);
  int64_t neurons(int64_t x, const std::string& name, const std::string& neuron);
  /// Batch norm alone, followed by neurons or not.
  int64_t norm(int64_t x, const std::string& name, const std::string& norm, const std::string& neuron, Fires fires);

  /// @throws InputError if the value has more tokens than mixers take; call it before making a mixer for the value
  void check_tokens(int64_t x) const;

  /// Merges y with x, within y's layer if that is the last one. @returns the merged value
  int64_t merge(int64_t x, int64_t y, Merge merge);

  /// Starts a segment (Segment): it holds the layers from here to the next call.
  void begin_segment(const std::string& name, const std::string& mixer = "");

  /// `features` is the value that the head reads.
  /// @throws InputError if the plan has more tokens or larger counts than any part of the project can hold
  Plan finish(int64_t features, const std::string& head) &&;

 private:
  bool relu() const { return plan_.neuron.kind == "relu"; }
  [[noreturn]] static void refuse_relu(const std::string& name, std::string_view what);
  ValuePlan spikes_of_groups(int64_t x, const std::string& name, int64_t groups) const;
  LayerPlan& add(int64_t x, const std::string& name, Map map);
  /// Adds the last layer's output: a real value of `sizes`, or spikes if the layer has neurons.
  int64_t write(ValuePlan sizes, Fires fires);
  int64_t write(ValuePlan value);

  ModelConfig model_;
  Plan plan_;
};

}  // namespace spikemix
