// SPDX-License-Identifier: MIT
#include "spikemix/kernels/fft/fft_plan.h"

#include <cmath>
#include <numbers>

namespace spikemix {
namespace {

// The tables hold (cos, sin) of 2 pi k / n; exp(-2 pi i k / n) as (cos, -sin) would need two signs in every formula.
template <class T>
void push_root(std::vector<T>& factors, int64_t k, int64_t n) {
  const double angle = 2 * std::numbers::pi * double(k % n) / double(n);
  factors.push_back(T(std::cos(angle)));
  factors.push_back(T(std::sin(angle)));
}

int64_t next_radix(int64_t n) {
  for (const int64_t radix : {4, 2, 3, 5}) {
    if (n % radix == 0) return radix;
  }
  for (int64_t p = 7; p * p <= n; p += 2) {
    if (n % p == 0) return p;
  }
  return n;
}

OpCount butterfly_ops(int64_t radix) {
  switch (radix) {
    case 2:
      return {4, 0};
    case 3:
      return {12, 6};
    case 4:
      return {16, 0};
    case 5:
      return {32, 16};
  }
  const double half = double(radix - 1) / 2;
  return {4 * half + half * (8 * half + 2), 4 * half * half};
}

}  // namespace

template <class T>
FftPlan<T>::FftPlan(int64_t length) : n(length) {
  for (int64_t left = n, stride = 1; left > 1;) {
    const int64_t radix = next_radix(left);
    FftStage stage{radix, left, stride, factors.size(), 0};
    for (int64_t p = 0; p < left / radix; ++p) {
      for (int64_t j = 1; j < radix; ++j) push_root(factors, p * j, left);
    }
    stage.roots = factors.size();
    for (int64_t k = 0; radix > 5 && k < radix; ++k) push_root(factors, k, radix);
    stages.push_back(stage);
    left /= radix;
    stride *= radix;
  }
}
template struct FftPlan<float>;
template struct FftPlan<double>;

OpCount fft_ops(const FftPlan<double>& plan) {
  OpCount total;
  for (const FftStage& stage : plan.stages) {
    const double butterflies = double(stage.length / stage.radix * stage.stride);
    const double twiddled = double((stage.length / stage.radix - 1) * stage.stride * (stage.radix - 1));
    total = total + butterflies * butterfly_ops(stage.radix) + twiddled * OpCount{2, 4};
  }
  return total;
}

}  // namespace spikemix
