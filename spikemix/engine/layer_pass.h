// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include "spikemix/base/clock.h"
#include "spikemix/engine/pass.h"
#include "spikemix/kernels/spike_product/spike_product.h"

namespace spikemix {

/// One member's way through the layers of a network, in order. run() shows what each layer does: map, norm, neurons,
/// and the merge.
///
/// Members share the rows (pixels or tokens) of a layer's output. Between two layers all wait for each other.
class LayerPass {
 public:
  LayerPass(const PackedNetwork& network, Workspace& workspace, const Share& share, const Watch& watch,
            const float* input);

  /// Runs the next layer.
  void run();
  /// Computes the head's mean, as sums over tokens and steps.
  void sum_features();

 private:
  using Rows = std::pair<int64_t, int64_t>;  // [first, last)

  // Maps: their output goes to neurons, or is written as potentials. products.cc
  void convolution();
  void convolution_of_frames();
  void convolution_around();
  void convolution_of_bytes();
  void convolution_of_pixels();
  void depthwise();
  void linear();
  void groups();
  void take_groups(Rows rows);
  void lists_of_group(int64_t group, Rows rows);
  template <class Inputs>
  void dense(Rows rows, const Inputs& x);
  // Is the input so dense that bytes are faster than lists?
  bool takes_bytes() const;
  // The input's ones in all bit planes, of so many rows, for each of their values.
  double density(int64_t sample) const;
  // Runs the product on the member's lists, or on bytes: all parts, at these rows.
  void products(Rows rows);
  void products(Rows rows, const Windows<uint8_t>& x, int64_t step);
  template <class Product, class PotentialsOf>
  void all_parts(Rows rows, double additions, bool as_bytes, const Product& product, const PotentialsOf& potentials_of);
  void potentials_done(const Potentials& potentials, Rows rows);
  const void* sampled(Rows rows);

  // Maps without weights. maps.cc
  void transform();
  void gated();
  void attention();
  void similarity_attention();
  void gate_attention();
  void max_pool();
  void token_mean();
  void nothing();

  /// One group of the input's channels, as a value of its own: [T, rows, words] of bits, or bytes.
  template <class X>
  X* group(int64_t index) {
    const ValuePlan one{from_->height, from_->width, from_->channels / plan_->groups, from_->range};
    return reinterpret_cast<X*>(scratch<std::byte>(&LayerBuffers::groups) +
                                index * w_.T * step_bytes(form_of(one.range), one.rows(), one.channels));
  }

  /// Finishes rows of floats [T, rows, channels] that a map made (of one step if its input is still): norm, then
  /// neurons or potentials. `norm`: is it still to be applied?
  void finish(const float* sums, Rows rows, bool norm = true);
  /// Everybody's rows of the layer's output are complete, or will be once all wait: shows and merges them.
  void made(Rows rows);
  void show_spikes();
  void show_potentials();
  void merge(const void* y, Rows rows);
  void merge_spikes(const void* y, Rows rows);
  void merge_potentials(const float* y, Rows rows);
  void add_position(float* values, int64_t T, Rows rows) const;

  // Places of values and buffers.
  template <class X>
  X* value(int64_t index) {
    return w_.at<X>(w_.buffers.values[size_t(index)]);
  }
  template <class X>
  X* scratch(Buffer LayerBuffers::*buffer) {
    return w_.at<X>(w_.buffers.layers[layer_].*buffer);
  }
  /// The place of the layer's own spikes.
  void* made_spikes();
  int64_t steps(const ValuePlan& v) const { return v.still ? 1 : w_.T; }
  /// Neurons of a part, whose bits are [T, grid rows, words] (for counts, 64 bytes a word); row 0 is `first`.
  NeuronState neurons(size_t part, int64_t first, void* spikes);
  /// Potentials of a part in the layer's output value, added to the value that it merges with; row 0 is `first`.
  Potentials potentials(size_t part, int64_t first);
  /// The same in the layer's sums, for use by later steps of the layer.
  Potentials sums(int64_t first);
  /// The layer's input as floats [steps, rows, channels]; rows [first, last) of each step are unpacked if necessary.
  const float* floats(Rows rows);
  // Rows of all steps.
  void unpack(Rows rows);

  Rows my(int64_t n) const { return share_.of(n); }
  void count(size_t part, double inputs, double additions, bool as_bytes = false);
  void timed(size_t part);

  const PackedNetwork& net_;
  Workspace& w_;
  Workspace::Member& mine_;
  const Share& share_;
  const Watch& watch_;
  const float* const input_;

  // The layer that runs.
  size_t layer_ = 0, neuron_group_ = 0, profiled_ = 0;
  const LayerPlan* plan_ = nullptr;
  const NetworkLayer* packed_ = nullptr;
  const ValuePlan *from_ = nullptr, *to_ = nullptr;
  Clock::time_point last_;
};

}  // namespace spikemix
