// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/engine/precision.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// Integer weights with one unit for each output: w is nearly unit[o] * values[o, i].
struct QuantizedWeights {
  WeightType type;
  int64_t out, in;
  std::vector<int16_t> values;  // [out, in]
  std::vector<float> unit;      // [out]
};

/// Rounds to the nearest integer. The largest weight of each output becomes the largest integer of the precision: 7
/// bits for kInt8 (two rows to an addition), 14 bits for kInt16 (four). If inputs could make a sum overflow int16
/// (first_overflow()), an int8 unit grows until they cannot; likewise for int32 (sums_leave_32_bits()) and an int16
/// unit.
///
/// @param precision  kInt8 or kInt16
/// @param weights   [out, in]
/// @param input     the range of the inputs
/// @param all_bits  8 bits for kInt8, 16 for kInt16: finer, but one row to an addition
QuantizedWeights quantize(Precision precision, int64_t out, int64_t in, const float* weights, const Range& input,
                          bool all_bits = false);

/// Can inputs of this range make a sum that overflows int32?
bool sums_leave_32_bits(const QuantizedWeights& weights, const Range& input);

}  // namespace spikemix
