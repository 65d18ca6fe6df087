// SPDX-License-Identifier: MIT
#include "spikemix/engine/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace spikemix {
namespace {

void round_row(int64_t in, const float* weights, float unit, int64_t largest, int16_t* values) {
  for (int64_t i = 0; i < in; ++i) {
    const float value = std::nearbyint(weights[i] / unit);
    values[i] = int16_t(std::clamp(value, -float(largest), float(largest)));
  }
}

bool leaves_32_bits(int64_t in, const int16_t* row, const Range& input) {
  int64_t magnitude = 0;
  for (int64_t i = 0; i < in; ++i) magnitude += std::abs(int64_t(row[i]));
  return magnitude * std::max(input.largest(), -input.smallest()) > INT32_MAX;
}

}  // namespace

QuantizedWeights quantize(Precision precision, int64_t out, int64_t in, const float* weights, const Range& input,
                          bool all_bits) {
  const WeightType type = precision == Precision::kInt8 ? WeightType::kU8 : WeightType::kU16;
  const int64_t rows = all_bits ? 1 : type == WeightType::kU8 ? 2 : 4, largest = largest_weight(type, rows);
  QuantizedWeights q{type, out, in, std::vector<int16_t>(size_t(out * in)), std::vector<float>(size_t(out), 1.0f)};
  for (int64_t o = 0; o < out; ++o) {
    const float* row = weights + o * in;
    int16_t* values = q.values.data() + o * in;
    float magnitude = 0;
    for (int64_t i = 0; i < in; ++i) magnitude = std::max(magnitude, std::abs(row[i]));
    if (!(magnitude > 0)) continue;  // a row of zeros works with any unit
    float unit = std::max(magnitude / float(largest), 1e-30f);
    round_row(in, row, unit, largest, values);
    const auto overflows = [&] {
      return type == WeightType::kU8 ? first_overflow(1, in, values, input.smallest(), input.largest()) >= 0
                                     : leaves_32_bits(in, values, input);
    };
    while (overflows()) {
      unit *= 1.02f;
      round_row(in, row, unit, largest, values);
    }
    q.unit[size_t(o)] = unit;
  }
  return q;
}

bool sums_leave_32_bits(const QuantizedWeights& q, const Range& input) {
  for (int64_t o = 0; o < q.out; ++o) {
    if (leaves_32_bits(q.in, q.values.data() + o * q.in, input)) return true;
  }
  return false;
}

}  // namespace spikemix
