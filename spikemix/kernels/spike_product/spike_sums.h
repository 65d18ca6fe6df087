// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spike_product/spike_lists.h"
#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// Additional sums that spike_sums() makes for the batch norm after the map: for each output, the sums over its rows of
/// (y - pivot) and (y - pivot)^2 are added. Any pivot near the mean keeps the variance exact.
struct SumMoments {
  const float* pivot = nullptr;                  // [out]
  float *sum = nullptr, *sum_squares = nullptr;  // [out]; null if not needed
};

/// The forward pass of training: y = scale x sums, without shift or neurons. List (r, t) gives
/// y[t step + r stride + o], o < weights.out. kF32 and kU16 weights.
///
/// As with spike_product(), the bits depend neither on the panels nor on how rows are shared among threads.
void spike_sums(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, int64_t T, float* y, int64_t step,
                int64_t stride, const SumMoments& moments);
void spike_sums(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, int64_t T, Bfloat16* y,
                int64_t step, int64_t stride, const SumMoments& moments);

}  // namespace spikemix
