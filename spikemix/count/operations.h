// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "spikemix/plan/plan.h"

namespace spikemix {

/// What one layer computes for one image, over all T steps. F(i), the fan-out of input i, is the number of outputs that
/// read it, taking borders, stride and groups into account: an inner value of a 3x3 convolution has 9 x out.
struct LayerOperations {
  std::string name;
  std::string kind;           // "conv", "linear", "mixer", "attention", "neurons", "pool", "sum", "norm", "head"
  double dense = 0;           // sum of F: the multiplications of a dense engine
  double dense_padded = 0;    // the same without borders, as FLOP counters count
  double density = 0;         // share of inputs that are not 0
  double mean = 0;            // mean of the inputs
  double additions = 0;       // sum of F over inputs of 1
  double count_once = 0;      // sum of F over inputs above 1: each is one multiply-add by a small integer
  double count_by_value = 0;  // times the input: as that many spikes
  double count_by_bits = 0;   // times its ones in binary: bit planes, as in the engine
  double multiply_adds = 0;   // sum of F over real inputs: once for a still image
  double mixer_additions = 0, mixer_multiplications = 0;  // of the kernel that runs (Mixer::ops())
  double attention_qk_first = 0, attention_kv_first = 0;  // additions: (q k') v, q (k' v)
  double neurons = 0;                                     // updates: charge, compare, reset
  double norm_multiply_adds = 0;  // for batch norm and unit, one for each output and step, as the engine runs them
  double comparisons = 0;         // in pools
  double residual_additions = 0;  // of counts, where the layer is merged with the residual stream
  double real_additions = 0;      // positions, means, residual streams of potentials, comparisons in pools of them
  double bytes = 0;               // weights once, values read and written
  bool silent = false;            // had whole-number inputs, all of them zero

  LayerOperations& operator+=(const LayerOperations& more);
};

/// Counts a network's operations from the spikes that it makes. Only the plan is used: a new architecture is counted
/// without a line here, and a layer without a rule is an error.
class OperationCounter {
 public:
  /// @param weight_bytes  4 fp32, 2 int16, 1 int8
  OperationCounter(const Plan& plan, double weight_bytes);

  /// The image's input: [C, H, W] if it is still, otherwise [T, C, H, W].
  void begin_image(const float* input);
  /// The spikes of a layer's part; parts may come in any order: [T, rows, words of channels].
  void see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const uint64_t* bits);
  /// The same for integer neurons, or for signed ones: [T, rows, channels rounded up to 64].
  void see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const uint8_t* counts);
  void see(const std::string& part, int64_t T, int64_t rows, int64_t channels, const int8_t* spikes);
  /// @throws std::logic_error if a layer's spikes were not seen
  void end_image();

  int64_t images() const { return images_; }
  /// A value of the last image, if it holds whole numbers: [T, rows, parts x channels], [rows, ...] if it is still.
  const std::vector<int16_t>& whole(int64_t value) const { return values_[size_t(value)].whole; }
  /// Means over the images, in the order of the forward pass, one for each part; the head is last.
  std::vector<LayerOperations> layers() const;

 private:
  /// Whole numbers [T, rows, parts x channels] (one step if still); for the input, which is real, only what density
  /// needs.
  struct Value {
    std::vector<int16_t> whole;
    double density = 0, mean = 0;
  };

  void count_inputs(const LayerPlan& layer, LayerOperations* parts);
  void count_attention(const LayerPlan& layer, LayerOperations& to) const;
  void make_value(const LayerPlan& layer);

  const Plan& plan_;
  int64_t images_ = 0;
  std::vector<Value> values_;
  std::map<std::string, std::vector<int16_t>> seen_;  // spikes of a part: [T, rows, channels]
  std::vector<LayerOperations> sums_;                 // a row for each part, the head last
};

/// The dense figures alone, without an image: what is known about a recipe.
std::vector<LayerOperations> dense_operations(const Plan& plan, double weight_bytes);

/// The sum of all rows, named "total"; density and mean are weighted by the dense operations.
LayerOperations total_of(const std::vector<LayerOperations>& layers);

/// Converts what an engine's observer sees to one number for each neuron, [rows, channels]: from bits, [rows, words of
/// channels].
std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const uint64_t* bits);
/// From counts or signed spikes, [rows, channels rounded up to 64].
std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const uint8_t* counts);
std::vector<int16_t> unpacked_spikes(int64_t rows, int64_t channels, const int8_t* spikes);

}  // namespace spikemix
