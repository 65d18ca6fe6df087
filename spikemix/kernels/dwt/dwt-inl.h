// SPDX-License-Identifier: MIT
// Included once for each SIMD target: the guard toggles.
#if defined(SPIKEMIX_KERNELS_DWT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_KERNELS_DWT_INL_H_
#undef SPIKEMIX_KERNELS_DWT_INL_H_
#else
#define SPIKEMIX_KERNELS_DWT_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "spikemix/kernels/dwt/dwt.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
// Unqualified, so that tests can substitute counting.h for Highway.
using hwy::HWY_NAMESPACE::Add;
using hwy::HWY_NAMESPACE::Lanes;
using hwy::HWY_NAMESPACE::LoadU;
using hwy::HWY_NAMESPACE::Mul;
using hwy::HWY_NAMESPACE::MulAdd;
using hwy::HWY_NAMESPACE::Set;
using hwy::HWY_NAMESPACE::StoreU;
using hwy::HWY_NAMESPACE::Sub;

// x [n] -> average [n / 2], detail [n / 2]
template <class D, class T = typename D::T>
void analysis_level(D d, const Dwt::Tables<T>& t, int64_t n, int64_t lanes, Rows<const T> x, Rows<T> average,
                    Rows<T> detail) {
  const int64_t taps = int64_t(t.low.size());
  for (int64_t o = 0; o < n / 2; ++o) {
    const int64_t first = (taps / 2 + 2 * o) % n;
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      const auto x0 = LoadU(d, x[first] + l);
      auto low = Mul(Set(d, t.low[0]), x0), high = Mul(Set(d, t.high[0]), x0);
      for (int64_t j = 1, row = first; j < taps; ++j) {
        row = row == 0 ? n - 1 : row - 1;
        const auto value = LoadU(d, x[row] + l);
        low = MulAdd(Set(d, t.low[size_t(j)]), value, low);
        high = MulAdd(Set(d, t.high[size_t(j)]), value, high);
      }
      StoreU(low, d, average[o] + l);
      StoreU(high, d, detail[o] + l);
    }
  }
}

// The transpose, gathered: row i of x meets every tap j with i = F/2 + 2o - j (mod n), which fixes j's parity.
template <class D, class T = typename D::T>
void synthesis_level(D d, const Dwt::Tables<T>& t, int64_t n, int64_t lanes, Rows<const T> average,
                     Rows<const T> detail, Rows<T> x) {
  const int64_t taps = int64_t(t.low.size()), half = n / 2;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t parity = (taps / 2 + i) % 2;
    // o for j = parity; the difference is even, and taps * n keeps it positive.
    const int64_t first = ((i + parity - taps / 2 + taps * n) % n) / 2;
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      auto sum = Mul(Set(d, t.low[size_t(parity)]), LoadU(d, average[first] + l));
      sum = MulAdd(Set(d, t.high[size_t(parity)]), LoadU(d, detail[first] + l), sum);
      for (int64_t j = parity + 2, o = first; j < taps; j += 2) {
        o = o + 1 == half ? 0 : o + 1;
        sum = MulAdd(Set(d, t.low[size_t(j)]), LoadU(d, average[o] + l), sum);
        sum = MulAdd(Set(d, t.high[size_t(j)]), LoadU(d, detail[o] + l), sum);
      }
      StoreU(sum, d, x[i] + l);
    }
  }
}

// Haar without its factors 1/sqrt(2): the sums of small integers stay exact, and each detail is scaled once on output.
template <class D, class T = typename D::T>
void haar_analysis_level(D d, T detail_scale, T average_scale, int64_t n, int64_t lanes, Rows<const T> x,
                         Rows<T> average, Rows<T> detail) {
  const bool last = average_scale != T(1);
  for (int64_t o = 0; o < n / 2; ++o) {
    const T *x0 = x[2 * o], *x1 = x[2 * o + 1];
    T *to_average = average[o], *to_detail = detail[o];
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      const auto a = LoadU(d, x0 + l), b = LoadU(d, x1 + l);
      const auto sum = Add(a, b);
      StoreU(last ? Mul(Set(d, average_scale), sum) : sum, d, to_average + l);
      StoreU(Mul(Set(d, detail_scale), Sub(a, b)), d, to_detail + l);
    }
  }
}

template <class D, class T = typename D::T>
void haar_synthesis_level(D d, T detail_scale, T average_scale, int64_t n, int64_t lanes, Rows<const T> average,
                          Rows<const T> detail, Rows<T> x) {
  const bool first = average_scale != T(1);
  for (int64_t o = 0; o < n / 2; ++o) {
    const T *from_average = average[o], *from_detail = detail[o];
    T *x0 = x[2 * o], *x1 = x[2 * o + 1];
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      const auto given = LoadU(d, from_average + l);
      const auto sum = first ? Mul(Set(d, average_scale), given) : given;
      const auto difference = Mul(Set(d, detail_scale), LoadU(d, from_detail + l));
      StoreU(Add(sum, difference), d, x0 + l);
      StoreU(Sub(sum, difference), d, x1 + l);
    }
  }
}

// The averages of level l have n / 2^l rows, rounded up; two buffers take turns: n / 2 rows, then n / 4.
template <class T>
Rows<T> average_buffer(int64_t n, int64_t lanes, int64_t level, T* scratch) {
  return {level % 2 ? scratch : scratch + (n + 1) / 2 * lanes, lanes};
}

// If the number of rows is odd, the last row is passed on as an average.
template <class D, class T = typename D::T>
void carry_row(D d, T scale, int64_t lanes, const T* from, T* to) {
  for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) StoreU(Mul(Set(d, scale), LoadU(d, from + l)), d, to + l);
}

// Rows that bypass Haar's sums lack no factor: they are multiplied by sqrt(2) to match the sums, which lack 1/sqrt(2).
template <class T>
T carried_scale(const Dwt::Tables<T>& t, int64_t level) {
  if (!t.haar) return 1;
  return T(1.41421356237309504880) * (level == t.levels ? t.scales[size_t(level)] : T(1));
}

// The rows that levels 1, 2, ... read: n, n / 2 rounded up, ...
inline int64_t rows_at(int64_t n, int64_t level) { return (n + (int64_t{1} << (level - 1)) - 1) >> (level - 1); }

template <class D, class T = typename D::T>
void analysis(D d, const Dwt::Tables<T>& t, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  Rows<const T> from = x;
  for (int64_t level = 1; level <= t.levels; ++level) {
    const int64_t rows = rows_at(t.n, level), averages = rows_at(t.n, level + 1);
    const Rows<T> average = level == t.levels ? y : average_buffer(t.n, lanes, level, scratch);
    const Rows<T> detail{y[averages], y.stride};
    if (rows % 2 == 1) carry_row(d, carried_scale(t, level), lanes, from[rows - 1], average[averages - 1]);
    if (t.haar) {
      const T scale = t.scales[size_t(level)];
      haar_analysis_level(d, scale, level == t.levels ? scale : T(1), rows, lanes, from, average, detail);
    } else {
      analysis_level(d, t, rows / 2 * 2, lanes, from, average, detail);
    }
    from = {average.data, average.stride};
  }
}

template <class D, class T = typename D::T>
void synthesis(D d, const Dwt::Tables<T>& t, int64_t lanes, Rows<const T> y, Rows<T> x, T* scratch) {
  Rows<const T> average = y;
  for (int64_t level = t.levels; level >= 1; --level) {
    const int64_t rows = rows_at(t.n, level), averages = rows_at(t.n, level + 1);
    const Rows<T> to = level == 1 ? x : average_buffer(t.n, lanes, level - 1, scratch);
    const Rows<const T> detail{y[averages], y.stride};
    if (rows % 2 == 1) carry_row(d, carried_scale(t, level), lanes, average[averages - 1], to[rows - 1]);
    if (t.haar) {
      const T scale = t.scales[size_t(level)];
      haar_synthesis_level(d, scale, level == t.levels ? scale : T(1), rows, lanes, average, detail, to);
    } else {
      synthesis_level(d, t, rows / 2 * 2, lanes, average, detail, to);
    }
    average = {to.data, to.stride};
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggling guard
