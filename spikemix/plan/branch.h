// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/plan/builder.h"

namespace spikemix {

/// What a residual stream holds, which decides the order of the layers beside it.
enum class Stream {
  kSpike,     ///< counts: x + neurons(norm(map(x))); Spikformer's "SEW add"
  kMembrane,  ///< potentials: x + norm(map(neurons(x))); as in Spike-driven Transformer
  kIand,      ///< spikes: x (1 - neurons(norm(map(x)))); as in SEW-ResNet
};

/// How the blocks of an architecture are built, and how its authors name their tensors.
struct BlockStyle {
  Stream stream = Stream::kSpike;
  bool qkv_bias = true;
  std::string map_suffix = "_linear";  // "fc1_linear", "q_conv"
  int64_t attention_trailing = 0;      // ones after [out, in] in the shape of attention's weights
  int64_t mlp_trailing = 0;            // the same in the MLP's
  std::string mlp_layer = "fc";        // "fc1", "mlp1"
  bool adds_behind_fc1 = false;        // if the MLP is as wide as the stream, x is added after fc1 as well (Max-Former)
  std::string front_neuron = "x_lif";  // the neurons before attention in a membrane stream

  Merge merge() const { return stream == Stream::kIand ? Merge::kIand : Merge::kAdd; }
  bool neurons_first() const { return stream == Stream::kMembrane; }
};

/// A branch beside the residual stream, written layer by layer in the stream's order: map, norm, neurons, or neurons,
/// map, norm. Parts are named after the branch: "block.0.mlp." and "fc1".
class Branch {
 public:
  Branch(PlanBuilder& plan, const BlockStyle& style, int64_t x, std::string prefix)
      : plan_(plan), style_(style), x_(x), prefix_(std::move(prefix)) {}

  PlanBuilder& plan() { return plan_; }
  const BlockStyle& style() const { return style_; }
  const std::string& prefix() const { return prefix_; }
  int64_t value() const { return x_; }
  /// Continues from a value that was written without this class.
  void go_on(int64_t value) { x_ = value; }
  const ValuePlan& shape() const { return plan_.value(x_); }

  void linear(const std::string& part, int64_t channels, int64_t trailing);
  /// Tensors `part`.weight, `part`.bias, `part`_bn, `part`_neuron.
  void depthwise(const std::string& part, int64_t kernel);
  /// Tensors coeff, bn, lif; `text` is LayerPlan::transform.
  void transform(const std::string& text, std::shared_ptr<const Mixer> mixer, int64_t coefficients, bool mixes_time);
  /// Tensors gate, bn, lif.
  void gated(const std::string& text, std::shared_ptr<const GatedTransform> transform, std::vector<int64_t> gate_shape);
  /// 3x3 with stride 1, then norm; tensors bn, lif.
  void max_pool();
  /// Attention over maps named by `parts` ("q", "k", "v"), then the projection "proj"; `front` names the neurons that
  /// come first in a membrane stream. `frozen`: how many of the maps are never learned.
  void attention(const std::vector<std::string>& parts, Attention kind, int64_t heads, double scale,
                 const std::string& front, size_t frozen = 0);
  /// Neurons alone, where the stream has them: at the start in a membrane stream, at the end in the others.
  void neurons_in_front(const std::string& part);
  void neurons_behind(const std::string& part);

 private:
  MapNames names(const std::string& part, bool bias) const;
  PlanBuilder::Fires fires() const {
    return style_.neurons_first() ? PlanBuilder::Fires::kNo : PlanBuilder::Fires::kYes;
  }
  std::string own_name() const { return prefix_.substr(0, prefix_.size() - 1); }

  PlanBuilder& plan_;
  const BlockStyle& style_;
  int64_t x_;
  const std::string prefix_;
};

/// x merged with fc2(fc1(x)); the hidden layer is `ratio` times as wide.
int64_t add_mlp(PlanBuilder& plan, const BlockStyle& style, int64_t x, const std::string& prefix, int64_t ratio);

}  // namespace spikemix
