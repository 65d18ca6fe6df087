// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spikemix/config/model_config.h"

namespace spikemix {

class GatedTransform;
class Mixer;

/// The range of a value: real numbers, or whole numbers from `smallest` to `largest`. The proof that integer sums
/// cannot overflow, the kernels and the operation counts rest on it, so there is no default.
class Range {
 public:
  static constexpr Range real() { return {false, 0, 0}; }
  static constexpr Range whole(int64_t smallest, int64_t largest) { return {true, smallest, largest}; }
  static constexpr Range spikes() { return whole(0, 1); }
  static constexpr Range signed_spikes() { return whole(-1, 1); }

  constexpr bool is_real() const { return !whole_; }
  constexpr bool is_spikes() const { return whole_ && smallest_ == 0 && largest_ == 1; }
  constexpr bool is_signed() const { return whole_ && smallest_ < 0; }
  /// For whole numbers.
  constexpr int64_t smallest() const { return smallest_; }
  constexpr int64_t largest() const { return largest_; }
  constexpr bool operator==(const Range&) const = default;

 private:
  constexpr Range(bool whole, int64_t smallest, int64_t largest)
      : whole_(whole), smallest_(smallest), largest_(largest) {}

  bool whole_;
  int64_t smallest_, largest_;
};

/// What flows between layers: [T, batch, height, width, parts x channels], channels last. Tokens are height x width,
/// row by row.
struct ValuePlan {
  int64_t height, width, channels;
  Range range;
  /// How many values of `channels` lie side by side (q, k and v), all made by one layer from one input.
  int64_t parts = 1;
  /// The same at every time step, and stored once: [batch, height, width, channels].
  bool still = false;

  int64_t rows() const { return height * width; }
};

/// Names of a layer's tensors in a model file, as the network's authors published them. Empty: the layer has none.
struct LayerTensors {
  std::string weight, bias;  // the map's
  std::string norm;          // prefix of the batch norm's .weight, .bias, .running_mean, .running_var, ...
  std::string neuron;        // prefix of the neurons' .w, which only plif has
};

/// One of the maps that a layer computes side by side, such as q, k and v; most layers have one part.
struct LayerPart {
  std::string name;  // what observers, profiles and tables show: "block.0.mlp.fc1"
  LayerTensors tensors;
  bool frozen = false;  // the map's weight is drawn once and never learned
};

/// The part of a layer before its batch norm.
enum class Map {
  kNone,         ///< nothing: neurons alone, or a sum alone
  kConvolution,  ///< LayerPlan::window, weight [out, in, kernel, kernel]
  kLinear,       ///< for each token: weight [out, in], or a convolution of size 1: [out, in, 1], [out, in, 1, 1]
  kTransform,    ///< LayerPlan::mixer, a linear map whose only weights are its coefficients
  kGated,        ///< LayerPlan::gated, a transform, learned gates, and its inverse
  kAttention,    ///< LayerPlan::attention on the parts that it reads
  kMaxPool,      ///< LayerPlan::window, for each channel
  kTokenMean,    ///< the mean over all tokens, for each channel and time step
};

/// The window of a convolution or pool: kernel x kernel; outside the picture there are zeros (nothing, for a pool).
struct Window {
  int64_t kernel = 3, stride = 1, padding = 1;
  bool depthwise = false;  // a convolution of each channel separately

  int64_t out(int64_t size) const { return (size + 2 * padding - kernel) / stride + 1; }
};

/// Products of spikes that take attention's place. q, k, v are the parts of the value read, in this order.
enum class Attention {
  kSsa,         ///< scale (q k') v for each head: Spikformer, equation 6
  kQkToken,     ///< neurons on the sum of q over a head's channels: one bit for each head and token, AND k (QKFormer)
  kQkChannel,   ///< neurons on the sum of q over tokens: one bit for each channel, AND k (QKFormer)
  kSpikeDriven  ///< q AND neurons on the sum over tokens of k AND v (Spike-driven Transformer, SDSA-1)
};

/// How a layer's output joins the value that it is merged with.
enum class Merge {
  kNone,
  kAdd,   ///< x + y
  kIand,  ///< x (1 - y): spikes stay spikes (SEW-ResNet)
};

/// Where a layer with weights stands: optimisers and quantisers treat the first one separately.
enum class Role { kFirst, kHidden };

/// map -> batch norm -> neurons, each of which may be missing; the result may be merged with another value. In a
/// membrane stream, "neurons, then map, then norm" is two layers.
struct LayerPlan {
  std::string name;  // the only part's name, or one for several: "block.0.attn.qkv"
  std::vector<LayerPart> parts;
  Map map = Map::kNone;
  Role role = Role::kHidden;
  std::vector<int64_t> weight_shape;  // for each part
  Window window;
  int64_t groups = 1;  // groups of channels, each mapped separately: `in` is the size of one
  /// All groups share one weight and bias, and `out` is the size of one; otherwise their weights are stacked.
  bool shares_weight = false;
  std::string transform;  // text from which the mixer or gate can be made again (text_of(), mixers/mixer.h)
  std::shared_ptr<const Mixer> mixer;
  std::string coefficients;  // tensor of the mixer's learned coefficients
  int64_t coefficient_count = 0;
  std::shared_ptr<const GatedTransform> gated;
  std::string gate;  // tensor of kGated's gate
  std::vector<int64_t> gate_shape;
  bool mixes_time = false;  // needs all T steps of a sample at once
  Attention attention = Attention::kSsa;
  int64_t heads = 1;
  double scale = 1;                   // attention's scale
  std::string position;               // tensor [tokens, channels], added to the output of map and norm
  bool neurons = false;               // without them the output is real
  bool signed_neurons = false;        // the neurons fire -1 as well (lif_params.h)
  std::optional<double> v_threshold;  // for neurons with a threshold of their own, which are then binary

  int64_t reads = -1;   // value
  int64_t merges = -1;  // value that the output is merged with; may be still where `writes` is not
  Merge merge = Merge::kNone;
  int64_t writes = -1;  // value: the merged one, if it merges
  /// The range of the layer's own output, before the merge: observers see that.
  Range makes = Range::real();

  bool has_weights() const { return !weight_shape.empty(); }
  bool has_norm() const { return !parts[0].tensors.norm.empty(); }
  /// Do its neurons learn their tau?
  bool learns_tau(const NeuronConfig& neuron) const { return neurons && !signed_neurons && neuron.kind == "plif"; }
};

/// Layers [first, last), which read one value from outside and write one that others read: a stem or a block.
/// Recomputation in the backward pass keeps only what segments read (train.recompute).
struct Segment {
  std::string name;
  std::string mixer;  // a block's, as model.mixer names it; empty: an embedding
  size_t first, last;
  int64_t reads, writes;
};

/// A network as data. LibTorch modules, packed weights, buffers, tensor names, quantisation, operation counts and
/// `spikemix info` are all made from it. Layers are in the order of the forward pass; value 0 is the input.
struct Plan {
  std::string architecture;
  int64_t T = 1, classes = 0;
  NeuronConfig neuron;
  std::vector<ValuePlan> values;
  std::vector<LayerPlan> layers;
  std::vector<Segment> segments;
  /// The head: weight [classes, channels], bias [classes], on the mean over time and tokens of this value.
  int64_t features = -1;
  std::string head_weight, head_bias;

  const ValuePlan& input() const { return values[0]; }
  /// The last stage's tokens.
  const ValuePlan& tokens() const {
    for (const LayerPlan& layer : layers) {
      if (layer.map == Map::kTokenMean) return values[size_t(layer.reads)];
    }
    return values[size_t(features)];
  }
  bool mixes_time() const {
    for (const LayerPlan& layer : layers) {
      if (layer.mixes_time) return true;
    }
    return false;
  }
};

/// Multiply-adds of a dense engine for one part of a layer, one image and one time step; 0 for layers without weights.
double dense_macs(const Plan& plan, const LayerPlan& layer);
/// Additions of an attention layer's products over dense spikes, for one image and time step, in the cheap order: q (k'
/// v), linear in the number of tokens; 0 for every other layer.
double dense_attention(const Plan& plan, const LayerPlan& layer);

}  // namespace spikemix
