// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spike_product/spike_product.h"

namespace spikemix {

/// Frames of an event camera, [T, C, height, width]. Most pixels see no event.
struct Frames {
  const float* values;
  int64_t T, C, height, width;

  int64_t row_words() const { return (width + 63) / 64; }
};

/// Marks the pixels that are not zero in every channel, for rows [begin, end) of T * height: bit x % 64 of word x / 64
/// of row t * height + y, [T * height, row_words()].
void mark_pixels(const Frames& frames, int64_t begin, int64_t end, uint64_t* marks);

/// The first convolution of frames, 3x3 with padding 1, and its neurons, for rows [begin, end) of the image: the result
/// of dense_product() on every pixel's neighbourhood, at the cost of the marked pixels only. Each one is added to the
/// nine sums that it belongs to, from top to bottom and left to right, so every sum is made in the order of the dense
/// product. The other terms of that product are 0 w, which change no sum (weights are finite). So the spikes have the
/// same bits, and so have the potentials, except for the sign of a zero.
///
/// @param weights  kF32; input (3 ky + kx) C + c is channel c of the neighbour at (ky - 1, kx - 1)
/// @param marks    for all rows
/// @param neurons  T steps of height * width rows; row 0 is the first pixel of the image
void frame_convolution(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                       int64_t end, const NeuronState& neurons);
/// The same without neurons.
void frame_potentials(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                      int64_t end, const Potentials& potentials);

}  // namespace spikemix
