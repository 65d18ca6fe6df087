// SPDX-License-Identifier: MIT
// Included once for each SIMD target: the guard toggles.
#if defined(SPIKEMIX_KERNELS_HADAMARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_KERNELS_HADAMARD_INL_H_
#undef SPIKEMIX_KERNELS_HADAMARD_INL_H_
#else
#define SPIKEMIX_KERNELS_HADAMARD_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include <hwy/highway.h>

#include "spikemix/kernels/line/line.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
// Unqualified, so that tests can substitute counting.h for Highway.
using hwy::HWY_NAMESPACE::Add;
using hwy::HWY_NAMESPACE::Lanes;
using hwy::HWY_NAMESPACE::LoadU;
using hwy::HWY_NAMESPACE::Mul;
using hwy::HWY_NAMESPACE::Set;
using hwy::HWY_NAMESPACE::StoreU;
using hwy::HWY_NAMESPACE::Sub;

// One radix-2 step: rows i and i + half of every block of 2 half rows become their sum and difference. x may be y.
template <bool kScale, class D, class T = typename D::T>
void hadamard_step(D d, int64_t n, int64_t half, T scale, int64_t lanes, Rows<const T> x, Rows<T> y) {
  const int64_t step = int64_t(Lanes(d));
  for (int64_t block = 0; block < n; block += 2 * half) {
    for (int64_t i = block; i < block + half; ++i) {
      const T *x0 = x[i], *x1 = x[i + half];
      T *y0 = y[i], *y1 = y[i + half];
      for (int64_t l = 0; l < lanes; l += step) {
        const auto a = LoadU(d, x0 + l), b = LoadU(d, x1 + l);
        auto sum = Add(a, b), difference = Sub(a, b);
        if constexpr (kScale) {
          const auto s = Set(d, scale);
          sum = Mul(sum, s);
          difference = Mul(difference, s);
        }
        StoreU(sum, d, y0 + l);
        StoreU(difference, d, y1 + l);
      }
    }
  }
}

// Two radix-2 steps at once (half and 2 half): each value is read and written once instead of twice.
template <bool kScale, class D, class T = typename D::T>
void hadamard_two_steps(D d, int64_t n, int64_t half, T scale, int64_t lanes, Rows<const T> x, Rows<T> y) {
  const int64_t step = int64_t(Lanes(d));
  for (int64_t block = 0; block < n; block += 4 * half) {
    for (int64_t i = block; i < block + half; ++i) {
      for (int64_t l = 0; l < lanes; l += step) {
        const auto a = LoadU(d, x[i] + l), b = LoadU(d, x[i + half] + l);
        const auto c = LoadU(d, x[i + 2 * half] + l), e = LoadU(d, x[i + 3 * half] + l);
        const auto ab = Add(a, b), a_b = Sub(a, b), ce = Add(c, e), c_e = Sub(c, e);
        auto y0 = Add(ab, ce), y1 = Add(a_b, c_e), y2 = Sub(ab, ce), y3 = Sub(a_b, c_e);
        if constexpr (kScale) {
          const auto s = Set(d, scale);
          y0 = Mul(y0, s), y1 = Mul(y1, s), y2 = Mul(y2, s), y3 = Mul(y3, s);
        }
        StoreU(y0, d, y[i] + l);
        StoreU(y1, d, y[i + half] + l);
        StoreU(y2, d, y[i + 2 * half] + l);
        StoreU(y3, d, y[i + 3 * half] + l);
      }
    }
  }
}

// x [n, lanes] -> y; intermediate steps stay in scratch [n, lanes], which is dense.
template <class D, class T = typename D::T>
void hadamard(D d, int64_t n, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  const T scale = T(1 / std::sqrt(double(n)));
  const Rows<T> dense{scratch, lanes};
  int64_t half = 1;
  while (half < n) {
    const bool two = 4 * half <= n, last = (two ? 4 : 2) * half == n;
    const Rows<const T> from = half == 1 ? x : Rows<const T>{scratch, lanes};
    if (two && last) {
      hadamard_two_steps<true>(d, n, half, scale, lanes, from, y);
    } else if (two) {
      hadamard_two_steps<false>(d, n, half, scale, lanes, from, dense);
    } else {  // if the number of steps is odd, the last one is done alone
      hadamard_step<true>(d, n, half, scale, lanes, from, y);
    }
    half *= two ? 4 : 2;
  }
  if (n == 1) {
    for (int64_t l = 0; l < lanes; ++l) y[0][l] = x[0][l];
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggling guard
