// SPDX-License-Identifier: MIT
// Included once for each SIMD target: the guard toggles.
#if defined(SPIKEMIX_KERNELS_FFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_KERNELS_FFT_INL_H_
#undef SPIKEMIX_KERNELS_FFT_INL_H_
#else
#define SPIKEMIX_KERNELS_FFT_INL_H_
#endif

#include <cstdint>
#include <utility>

#include <hwy/highway.h>

#include "spikemix/kernels/fft/fft_plan.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
// Unqualified, so that tests can substitute counting.h for Highway.
using hwy::HWY_NAMESPACE::Add;
using hwy::HWY_NAMESPACE::Lanes;
using hwy::HWY_NAMESPACE::LoadU;
using hwy::HWY_NAMESPACE::Mul;
using hwy::HWY_NAMESPACE::MulAdd;
using hwy::HWY_NAMESPACE::MulSub;
using hwy::HWY_NAMESPACE::NegMulAdd;
using hwy::HWY_NAMESPACE::Set;
using hwy::HWY_NAMESPACE::StoreU;
using hwy::HWY_NAMESPACE::Sub;

// A complex array as two planes.
template <class T>
struct Complex {
  T* re;
  T* im;
};

// The legs of one group of butterflies: leg k of butterfly i is x[k x_leg + i], and its output j is y[j y_leg + i]
// times the j-th twiddle. All i < count share the twiddles.
template <class D, class T = typename D::T>
struct Butterflies {
  D d;
  int64_t count;
  Complex<const T> x;
  int64_t x_leg;
  Complex<T> y;
  int64_t y_leg;
  const T* twiddles;  // (cos, sin) for j = 1, 2, ...

  HWY_INLINE auto re(int64_t leg, int64_t i) const { return LoadU(d, x.re + leg * x_leg + i); }
  HWY_INLINE auto im(int64_t leg, int64_t i) const { return LoadU(d, x.im + leg * x_leg + i); }
  // Output 0 has no twiddle; kTwiddle is false if all of them are 1.
  template <bool kTwiddle, class V>
  HWY_INLINE void put(int64_t j, int64_t i, V r, V m) const {
    if constexpr (kTwiddle) {
      const auto c = Set(d, twiddles[2 * (j - 1)]), s = Set(d, twiddles[2 * (j - 1) + 1]);
      const auto turned = MulAdd(r, c, Mul(m, s));  // (r + i m)(c - i s)
      m = MulSub(m, c, Mul(r, s));
      r = turned;
    }
    StoreU(r, d, y.re + j * y_leg + i);
    StoreU(m, d, y.im + j * y_leg + i);
  }
};

template <bool kTwiddle, class D>
void radix2(const Butterflies<D>& b) {
  for (int64_t i = 0; i < b.count; i += int64_t(Lanes(b.d))) {
    const auto r0 = b.re(0, i), m0 = b.im(0, i), r1 = b.re(1, i), m1 = b.im(1, i);
    b.template put<false>(0, i, Add(r0, r1), Add(m0, m1));
    b.template put<kTwiddle>(1, i, Sub(r0, r1), Sub(m0, m1));
  }
}

template <bool kTwiddle, class D>
void radix4(const Butterflies<D>& b) {
  for (int64_t i = 0; i < b.count; i += int64_t(Lanes(b.d))) {
    const auto r0 = b.re(0, i), m0 = b.im(0, i), r1 = b.re(1, i), m1 = b.im(1, i);
    const auto r2 = b.re(2, i), m2 = b.im(2, i), r3 = b.re(3, i), m3 = b.im(3, i);
    const auto ar = Add(r0, r2), am = Add(m0, m2), br = Sub(r0, r2), bm = Sub(m0, m2);
    const auto cr = Add(r1, r3), cm = Add(m1, m3), er = Sub(r1, r3), em = Sub(m1, m3);
    b.template put<false>(0, i, Add(ar, cr), Add(am, cm));
    b.template put<kTwiddle>(1, i, Add(br, em), Sub(bm, er));  // b - i e
    b.template put<kTwiddle>(2, i, Sub(ar, cr), Sub(am, cm));
    b.template put<kTwiddle>(3, i, Sub(br, em), Add(bm, er));
  }
}

template <bool kTwiddle, class D>
void radix3(const Butterflies<D>& b) {
  using T = typename D::T;
  const auto half = Set(b.d, T(0.5)), sine = Set(b.d, T(0.86602540378443864676));
  for (int64_t i = 0; i < b.count; i += int64_t(Lanes(b.d))) {
    const auto r0 = b.re(0, i), m0 = b.im(0, i), r1 = b.re(1, i), m1 = b.im(1, i), r2 = b.re(2, i), m2 = b.im(2, i);
    const auto tr = Add(r1, r2), tm = Add(m1, m2), ur = Sub(r1, r2), um = Sub(m1, m2);
    const auto cr = NegMulAdd(half, tr, r0), cm = NegMulAdd(half, tm, m0);
    b.template put<false>(0, i, Add(r0, tr), Add(m0, tm));
    b.template put<kTwiddle>(1, i, MulAdd(sine, um, cr), NegMulAdd(sine, ur, cm));  // c - i sine u
    b.template put<kTwiddle>(2, i, NegMulAdd(sine, um, cr), MulAdd(sine, ur, cm));
  }
}

template <bool kTwiddle, class D>
void radix5(const Butterflies<D>& b) {
  using T = typename D::T;
  const auto c1 = Set(b.d, T(0.30901699437494742410)), c2 = Set(b.d, T(-0.80901699437494742410));
  const auto s1 = Set(b.d, T(0.95105651629515357212)), s2 = Set(b.d, T(0.58778525229247312917));
  for (int64_t i = 0; i < b.count; i += int64_t(Lanes(b.d))) {
    const auto r0 = b.re(0, i), m0 = b.im(0, i);
    const auto ar = Add(b.re(1, i), b.re(4, i)), am = Add(b.im(1, i), b.im(4, i));
    const auto dr = Sub(b.re(1, i), b.re(4, i)), dm = Sub(b.im(1, i), b.im(4, i));
    const auto br = Add(b.re(2, i), b.re(3, i)), bm = Add(b.im(2, i), b.im(3, i));
    const auto er = Sub(b.re(2, i), b.re(3, i)), em = Sub(b.im(2, i), b.im(3, i));
    b.template put<false>(0, i, Add(r0, Add(ar, br)), Add(m0, Add(am, bm)));
    const auto u1r = MulAdd(c2, br, MulAdd(c1, ar, r0)), u1m = MulAdd(c2, bm, MulAdd(c1, am, m0));
    const auto u2r = MulAdd(c1, br, MulAdd(c2, ar, r0)), u2m = MulAdd(c1, bm, MulAdd(c2, am, m0));
    const auto v1r = MulAdd(s1, dr, Mul(s2, er)), v1m = MulAdd(s1, dm, Mul(s2, em));
    const auto v2r = MulSub(s2, dr, Mul(s1, er)), v2m = MulSub(s2, dm, Mul(s1, em));
    b.template put<kTwiddle>(1, i, Add(u1r, v1m), Sub(u1m, v1r));  // u1 - i v1
    b.template put<kTwiddle>(2, i, Add(u2r, v2m), Sub(u2m, v2r));
    b.template put<kTwiddle>(3, i, Sub(u2r, v2m), Add(u2m, v2r));
    b.template put<kTwiddle>(4, i, Sub(u1r, v1m), Add(u1m, v1r));
  }
}

// Any odd radix p, by the definition, with legs k and p - k combined. roots: (cos, sin) of 2 pi k / p.
template <bool kTwiddle, class D, class T = typename D::T>
void radix_odd(const Butterflies<D>& b, int64_t p, const T* roots) {
  for (int64_t i = 0; i < b.count; i += int64_t(Lanes(b.d))) {
    auto r = b.re(0, i), m = b.im(0, i);
    for (int64_t k = 1; k < p; ++k) {
      r = Add(r, b.re(k, i));
      m = Add(m, b.im(k, i));
    }
    b.template put<false>(0, i, r, m);
    for (int64_t j = 1; j <= p / 2; ++j) {
      auto ur = b.re(0, i), um = b.im(0, i), vr = Set(b.d, T(0)), vm = Set(b.d, T(0));
      for (int64_t k = 1; k <= p / 2; ++k) {
        const int64_t root = j * k % p;
        const auto c = Set(b.d, roots[2 * root]), s = Set(b.d, roots[2 * root + 1]);
        ur = MulAdd(c, Add(b.re(k, i), b.re(p - k, i)), ur);
        um = MulAdd(c, Add(b.im(k, i), b.im(p - k, i)), um);
        const auto dr = Sub(b.re(k, i), b.re(p - k, i)), dm = Sub(b.im(k, i), b.im(p - k, i));
        vr = k == 1 ? Mul(s, dr) : MulAdd(s, dr, vr);
        vm = k == 1 ? Mul(s, dm) : MulAdd(s, dm, vm);
      }
      b.template put<kTwiddle>(j, i, Add(ur, vm), Sub(um, vr));  // u - i v
      b.template put<kTwiddle>(p - j, i, Sub(ur, vm), Add(um, vr));
    }
  }
}

template <bool kTwiddle, class D, class T = typename D::T>
void butterflies(const Butterflies<D>& b, int64_t radix, const T* roots) {
  switch (radix) {
    case 2:
      return radix2<kTwiddle>(b);
    case 3:
      return radix3<kTwiddle>(b);
    case 4:
      return radix4<kTwiddle>(b);
    case 5:
      return radix5<kTwiddle>(b);
    default:
      return radix_odd<kTwiddle>(b, radix, roots);
  }
}

// The complex FFT of [n, lanes], dense. Alternates between x and spare; returns the one that holds the result.
template <class D, class T = typename D::T>
Complex<T> fft(D d, const FftPlan<T>& plan, int64_t lanes, Complex<T> x, Complex<T> spare) {
  for (const FftStage& stage : plan.stages) {
    const int64_t groups = stage.length / stage.radix, count = stage.stride * lanes;
    for (int64_t p = 0; p < groups; ++p) {
      const T* const twiddles = plan.factors.data() + stage.twiddles + size_t(2 * p * (stage.radix - 1));
      const int64_t from = p * count, to = stage.radix * p * count;
      const Butterflies<D> b{d,     count,   {x.re + from, x.im + from}, groups * count, {spare.re + to, spare.im + to},
                             count, twiddles};
      if (p == 0) {
        butterflies<false>(b, stage.radix, plan.factors.data() + stage.roots);
      } else {
        butterflies<true>(b, stage.radix, plan.factors.data() + stage.roots);
      }
    }
    std::swap(x, spare);
  }
  return x;
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggling guard
