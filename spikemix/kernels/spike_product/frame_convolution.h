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

/// Which pixels are not zero in every channel. Rows [begin, end) of T * height: bit x % 64 of word x / 64 of row
/// t * height + y, [T * height, row_words()].
void mark_pixels(const Frames& frames, int64_t begin, int64_t end, uint64_t* marks);

/// The first convolution of frames, 3x3 with padding 1, and its neurons, for rows [begin, end) of the image: what
/// dense_product() makes of every pixel's neighbourhood, at the cost of the marked pixels alone. Each one is added to
/// the nine sums that it belongs to, upper rows first and from left to right: every sum is made in the order of the
/// dense product. What that adds besides is 0 w, which changes no sum (weights are finite). So the spikes are the same
/// to the bit, and the potentials but for the sign of a zero.
///
/// @param weights  kF32; input (3 ky + kx) C + c is channel c of the neighbour at (ky - 1, kx - 1)
/// @param marks    of all rows
/// @param neurons  T steps of height * width rows; row 0 is the first pixel of the image
void frame_convolution(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                       int64_t end, const NeuronState& neurons);
/// The same without neurons.
void frame_potentials(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                      int64_t end, const Potentials& potentials);

}  // namespace spikemix
