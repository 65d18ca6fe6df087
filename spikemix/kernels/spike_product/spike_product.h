// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/lif/lif.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spike_product/spike_lists.h"
#include "spikemix/kernels/spike_product/windows.h"

namespace spikemix {

/// Where a layer's neurons keep their potentials between calls, and where they write their spikes.
struct NeuronState {
  LifParams lif;
  int64_t T = 1;                  // time steps of this call
  float* potentials = nullptr;    // [rows, potentials_stride]: v before the first step, and after the last one written
                                  // back; null: from rest, and forgotten
  int64_t potentials_stride = 0;  // the map's `out`, rounded up to 64
  uint64_t* spikes = nullptr;     // bit o % 64 of word o / 64: output o of row r at step t, at
                                  // spikes[t * step_words + r * row_words]; zero past the last output
  int64_t row_words = 0, step_words = 0;
  /// For integer and signed neurons (LifParams::gives_bytes()), instead of spikes: a byte for each output at 64 times
  /// the same places; -1 is 255.
  uint8_t* counts = nullptr;
};

/// Where a layer without neurons writes its potentials z = scale y + shift: the residual stream of membrane potentials.
struct Potentials {
  int64_t T = 1;            // time steps of this call
  float* values = nullptr;  // output o of row r at step t: values[t * step + r * stride + o]
  int64_t step = 0, stride = 0;
  const float* added_to = nullptr;  // z is added to the value at the same place here, which may be `values` itself;
  int64_t added_step = 0;           // its own step: 0 if all steps see the same. Null: z alone
};

/// The core of the engine: for each row and step the sum of the weight rows of the inputs that spiked, z = scale y +
/// shift, and the neurons on z. The sums stay in registers: no pre-activation is ever stored.
///
/// @param lists  (r, t) in the order r * T + t, indices below weights.in
///
/// kF32 sums are made in the order of the lists, one addition after the other, so their bits do not depend on panels,
/// rows or threads. Integer sums are exact.
void spike_product(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, const NeuronState& neurons);

/// The same for real inputs (the first convolution of an image), in the windows [first, first + rows) of x, `in` values
/// each: the sums are made once, input by input, and every step reads them. kF32 weights only.
void dense_product(const PackedWeights& weights, const Windows<float>& x, int64_t first, int64_t rows,
                   const NeuronState& neurons);

/// The neurons alone, on existing sums: output o of row r at step t is y[t step + r stride + o]. `norm` is
/// identity_norm(out) with the batch norm's scale and shift. Up to 15 values past the last row are read, and their
/// contents do not matter.
void neuron_spikes(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                   const NeuronState& neurons);

/// The same three for layers without neurons. Up to 15 values past the last row of `added_to` are read, and their
/// contents do not matter; nothing is written there. dense_potentials() computes one step (T = 1).
void spike_potentials(const PackedWeights& weights, const SpikeLists& lists, int64_t rows,
                      const Potentials& potentials);
void dense_potentials(const PackedWeights& weights, const Windows<float>& x, int64_t first, int64_t rows,
                      const Potentials& potentials);
void norm_potentials(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                     const Potentials& potentials);

/// The definitions, as plain loops; integer weights are unpacked on the fly.
void spike_product_ref(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, const NeuronState& neurons);
void spike_potentials_ref(const PackedWeights& weights, const SpikeLists& lists, int64_t rows,
                          const Potentials& potentials);

}  // namespace spikemix
