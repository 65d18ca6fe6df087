// SPDX-License-Identifier: MIT
// Included once for each SIMD target: the guard toggles.
#if defined(SPIKEMIX_KERNELS_HARTLEY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_KERNELS_HARTLEY_INL_H_
#undef SPIKEMIX_KERNELS_HARTLEY_INL_H_
#else
#define SPIKEMIX_KERNELS_HARTLEY_INL_H_
#endif

#include <algorithm>

#include "spikemix/kernels/fft/fft-inl.h"
#include "spikemix/kernels/fft/hartley.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// Rows k and n - k of the result, from row k of the spectrum: re + i im.
template <FftPart kPart, class D, class V, class T = typename D::T>
HWY_INLINE void put_part(D d, T scale, V re, V im, T* low, T* high) {
  const auto s = Set(d, scale);
  if constexpr (kPart == FftPart::kReal) {
    const auto value = Mul(re, s);
    StoreU(value, d, low);
    StoreU(value, d, high);
  } else {
    StoreU(Mul(Sub(re, im), s), d, low);
    StoreU(Mul(Add(re, im), s), d, high);
  }
}

// n even, m = n / 2: z_j = x_2j + i x_2j+1 has the spectrum Z; E and O are those of the even and the odd rows:
// 2 E_k = Z_k + conj Z_m-k, 2 O_k = -i (Z_k - conj Z_m-k), X_k = E_k + w^k O_k, X_m-k = conj(E_k - w^k O_k).
template <FftPart kPart, class D, class T = typename D::T>
void real_fft_even(D d, const RealFft::Tables<T>& t, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  const int64_t m = t.n / 2, plane = m * lanes;
  for (int64_t j = 0; j < m; ++j) {
    std::copy_n(x[2 * j], lanes, scratch + j * lanes);
    std::copy_n(x[2 * j + 1], lanes, scratch + plane + j * lanes);
  }
  const Complex<T> z =
      fft(d, t.plan, lanes, {scratch, scratch + plane}, Complex<T>{scratch + 2 * plane, scratch + 3 * plane});
  const int64_t step = int64_t(Lanes(d));
  const auto scale = Set(d, t.scale);
  for (int64_t l = 0; l < lanes; l += step) {  // k = 0 and m: E_0 + O_0 and E_0 - O_0, both real
    const auto e = LoadU(d, z.re + l), o = LoadU(d, z.im + l);
    StoreU(Mul(Add(e, o), scale), d, y[0] + l);
    StoreU(Mul(Sub(e, o), scale), d, y[m] + l);
  }
  const T half = T(0.5) * t.scale;
  for (int64_t k = 1; k < m - k; ++k) {
    const auto c = Set(d, t.roots[size_t(2 * k)]), s = Set(d, t.roots[size_t(2 * k + 1)]);
    const int64_t low = k * lanes, high = (m - k) * lanes;
    for (int64_t l = 0; l < lanes; l += step) {
      const auto r0 = LoadU(d, z.re + low + l), i0 = LoadU(d, z.im + low + l);
      const auto r1 = LoadU(d, z.re + high + l), i1 = LoadU(d, z.im + high + l);
      const auto er = Add(r0, r1), p = Add(i0, i1), q = Sub(r0, r1);  // 2 O = p - i q
      const auto tr = MulSub(c, p, Mul(s, q));                        // 2 w O = tr - i ti
      // X_m-k = conj(E - w O): its row m - k is the conjugate, so rows m - k and m + k are swapped.
      T *const y0 = y[k] + l, *const y1 = y[t.n - k] + l, *const y2 = y[m + k] + l, *const y3 = y[m - k] + l;
      if constexpr (kPart == FftPart::kReal) {
        put_part<kPart>(d, half, Add(er, tr), tr, y0, y1);
        put_part<kPart>(d, half, Sub(er, tr), tr, y2, y3);
      } else {
        const auto ei = Sub(i0, i1), ti = MulAdd(c, q, Mul(s, p));
        put_part<kPart>(d, half, Add(er, tr), Sub(ei, ti), y0, y1);
        put_part<kPart>(d, half, Sub(er, tr), Add(ei, ti), y2, y3);
      }
    }
  }
  if (m % 2 == 0) {  // k = m / 2: w = -i, so X = conj Z
    for (int64_t l = 0; l < lanes; l += step) {
      const auto re = LoadU(d, z.re + m / 2 * lanes + l), im = LoadU(d, z.im + m / 2 * lanes + l);
      put_part<kPart>(d, t.scale, re, im, y[m + m / 2] + l, y[m / 2] + l);
    }
  }
}

template <FftPart kPart, class D, class T = typename D::T>
void real_fft_odd(D d, const RealFft::Tables<T>& t, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  const int64_t plane = t.n * lanes;
  for (int64_t j = 0; j < t.n; ++j) std::copy_n(x[j], lanes, scratch + j * lanes);
  std::fill_n(scratch + plane, plane, T(0));
  const Complex<T> z =
      fft(d, t.plan, lanes, {scratch, scratch + plane}, Complex<T>{scratch + 2 * plane, scratch + 3 * plane});
  const auto scale = Set(d, t.scale);
  for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) StoreU(Mul(LoadU(d, z.re + l), scale), d, y[0] + l);
  for (int64_t k = 1; k < t.n - k; ++k) {
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      const auto re = LoadU(d, z.re + k * lanes + l), im = LoadU(d, z.im + k * lanes + l);
      put_part<kPart>(d, t.scale, re, im, y[k] + l, y[t.n - k] + l);
    }
  }
}

template <FftPart kPart, class D, class T = typename D::T>
void real_fft_part(D d, const RealFft::Tables<T>& t, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  if (t.n % 2 == 0) {
    real_fft_even<kPart>(d, t, lanes, x, y, scratch);
  } else {
    real_fft_odd<kPart>(d, t, lanes, x, y, scratch);
  }
}

template <class D, class T = typename D::T>
void real_fft(D d, const RealFft::Tables<T>& t, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  if (t.part == FftPart::kReal) {
    real_fft_part<FftPart::kReal>(d, t, lanes, x, y, scratch);
  } else {
    real_fft_part<FftPart::kHartley>(d, t, lanes, x, y, scratch);
  }
}

// y_k = p x_k + q x_n-k, y_n-k = q x_k - p x_n-k for 0 < k < n - k; row 0, and row n / 2, are only multiplied by p.
template <class D, class T = typename D::T>
void rotate_pairs(D d, int64_t n, const T* rotations, int64_t lanes, Rows<const T> x, Rows<T> y) {
  for (int64_t k = 0; 2 * k <= n; ++k) {
    const auto p = Set(d, rotations[2 * k]), q = Set(d, rotations[2 * k + 1]);
    const int64_t other = n - k;
    for (int64_t l = 0; l < lanes; l += int64_t(Lanes(d))) {
      const auto a = LoadU(d, x[k] + l);
      if (k == 0 || k == other) {
        StoreU(Mul(p, a), d, y[k] + l);
        continue;
      }
      const auto b = LoadU(d, x[other] + l);
      StoreU(MulAdd(p, a, Mul(q, b)), d, y[k] + l);
      StoreU(MulSub(q, a, Mul(p, b)), d, y[other] + l);
    }
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggling guard
