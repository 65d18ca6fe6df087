// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spikemix/kernels/line/line.h"

namespace spikemix {

/// One pass of a mixed-radix FFT: `length` / radix butterflies, each on `stride` neighbouring rows.
struct FftStage {
  int64_t radix, length, stride;
  size_t twiddles;  // index of its factors: w^(p j), w = exp(-2 pi i / length), for p < length / radix, 0 < j < radix
  size_t roots;     // radix > 5: cos and sin of 2 pi k / radix, k < radix
};

/// The complex FFT of n rows (Stockham's order: no bit reversal) by radix 4, 2, 3, 5 and then the remaining prime
/// factors at O(p^2) each: fast for any n whose prime factors are small, correct for all.
template <class T>
struct FftPlan {
  explicit FftPlan(int64_t length);

  int64_t n;
  std::vector<FftStage> stages;
  std::vector<T> factors;  // pairs (cos, sin)
};

/// The operations of one run of the plan on one lane.
OpCount fft_ops(const FftPlan<double>& plan);

}  // namespace spikemix
