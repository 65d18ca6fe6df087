// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spike_product/spike_product.h"

namespace spikemix {

/// The dense path of int8: inputs as bytes times weights, zeros included, without lists. Sums of integers are exact, so
/// results have the same bits as those of spike_product(); which one runs is a question of time alone.
///
/// x86 with VNNI multiplies and adds 64 pairs in one instruction; without it AVX-512 takes two, and AVX2 two for 32. No
/// other target has a kernel here: lists are faster than plain loops at every density.

/// From this density on, byte_product() is faster than making lists and adding their rows: additions of lists (one for
/// each 1 in a bit plane) for each input. It grows with the outputs that share a list. Infinite where the processor has
/// no kernel.
double byte_product_density(int64_t outputs);

/// The largest input: a sum of two products must fit 16 bits.
constexpr int64_t kLargestByte = 127;

/// A window's pixels start at multiples of this many bytes: an instruction takes four inputs of an output at once.
constexpr int64_t kByteGroup = 4;
constexpr int64_t byte_stride(int64_t channels) { return (channels + kByteGroup - 1) / kByteGroup * kByteGroup; }

/// Adds the dense form of kU8 weights, whose inputs are pixels of this many channels (or one token).
void add_dense_weights(PackedWeights& weights, int64_t channels);

/// spike_product() of the windows [first, first + rows) of x, with its result, bit for bit.
///
/// @param weights  kU8, with add_dense_weights()
/// @param x        bytes up to kLargestByte; a pixel or token has byte_stride(channels), whatever the last of them hold
/// @param step     from the windows of one time step to those of the next
void byte_product(const PackedWeights& weights, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                  const NeuronState& neurons);
/// The same for a layer without neurons.
void byte_potentials(const PackedWeights& weights, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                     const Potentials& potentials);

/// Rows of inputs as bytes, `stride` apart: spikes [rows, words of C], or counts [rows, C rounded up to 64] with zeros
/// after C. Each row is written up to the next multiple of 64, in order: what a row writes past its stride, the next
/// one overwrites.
void bytes_of_spikes(int64_t rows, int64_t C, int64_t stride, const uint64_t* bits, uint8_t* bytes);
void bytes_of_counts(int64_t rows, int64_t C, int64_t stride, const uint8_t* counts, uint8_t* bytes);

}  // namespace spikemix
