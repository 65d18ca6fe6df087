// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/lif.h"

#include <algorithm>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/lif/lif.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include "spikemix/kernels/lif/neuron-inl.h"
#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// 2^x for -126 <= x <= 0, accurate to one or two units in the last place: a polynomial on [-1/2, 1/2] and the
// exponent's bits.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V power_of_two(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto whole = hn::NearestInt(x);
  const V f = hn::Sub(x, hn::ConvertTo(d, whole));
  // In pairs, which are less dependent on each other than a chain.
  const auto pair = [&](float c0, float c1) HWY_ATTR { return hn::MulAdd(hn::Set(d, c1), f, hn::Set(d, c0)); };
  const V f2 = hn::Mul(f, f);
  const V high = hn::MulAdd(hn::MulAdd(hn::Set(d, 1.535336188e-4f), f2, pair(9.618437357e-3f, 1.339887440e-3f)), f2,
                            pair(2.402264791e-1f, 5.550332471e-2f));
  const V p = hn::MulAdd(high, f2, pair(1.0f, 6.931472029e-1f));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(whole)));
}

// 1 / x, accurate to one or two units in the last place: divisions take several times as long.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V reciprocal(D d, V x) {
  const auto twice_as_many_bits = [&](V r) HWY_ATTR { return hn::Mul(r, hn::NegMulAdd(x, r, hn::Set(d, 2))); };
  const V r = twice_as_many_bits(hn::ApproximateReciprocal(x));  // from 12 bits or more, on Arm 8
  return HWY_ARCH_ARM ? twice_as_many_bits(r) : r;
}

// u = h - v_threshold. For the window, alpha is its upper end and the threshold is 0.
template <Surrogate kSurrogate, class D, class V = hn::Vec<D>>
HWY_INLINE V surrogate_gradient(D d, V alpha, V u) {
  const V one = hn::Set(d, 1);
  if constexpr (kSurrogate == Surrogate::kWindow) {
    return hn::IfThenElseZero(hn::And(hn::Gt(u, hn::Zero(d)), hn::Lt(u, alpha)), one);
  } else if constexpr (kSurrogate == Surrogate::kSigmoid) {
    // alpha e / (1 + e)^2 with e = exp(-alpha |u|): the same function, because it is even, and e cannot overflow.
    const V x = hn::Mul(hn::Set(d, -std::numbers::log2e_v<float>), hn::Abs(hn::Mul(alpha, u)));
    const V e = power_of_two(d, hn::Max(x, hn::Set(d, -126)));
    const V r = reciprocal(d, hn::Add(one, e));
    return hn::Mul(hn::Mul(alpha, e), hn::Mul(r, r));
  } else if constexpr (kSurrogate == Surrogate::kArctan) {
    const V a = hn::Mul(hn::Mul(hn::Set(d, float(std::numbers::pi) / 2), alpha), u);
    return hn::Div(hn::Mul(alpha, hn::Set(d, 0.5f)), hn::MulAdd(a, a, one));
  } else {
    return hn::Mul(alpha, hn::Max(hn::Zero(d), hn::NegMulAdd(alpha, hn::Abs(u), one)));
  }
}

template <class D, class X>
HWY_INLINE hn::Vec<D> load_z(D d, LifNorm norm, int64_t c, const X* x) {
  const auto value = load(d, x);
  return norm.scale ? hn::MulAdd(value, hn::LoadU(d, norm.scale + c), hn::LoadU(d, norm.shift + c)) : value;
}

// Columns that go through all time steps together, with their potentials in the first-level cache. One vector at a time
// would jump between the time steps in x, s and ds, whose addresses map to the same cache lines and evict each other.
constexpr int64_t kTile = 256;

// f(m, c, n): tiles of n columns, starting at c.
template <class F>
HWY_INLINE void for_tiles(int64_t m_begin, int64_t m_end, int64_t C, const F& f) {
  for (int64_t m = m_begin; m < m_end; ++m) {
    for (int64_t c = 0; c < C; c += kTile) f(m, c, std::min(kTile, C - c));
  }
}

enum class Fires { kSpikes, kSigned, kCounts, kRelu };

// The neurons' output, and their potentials after the reset.
template <Fires kFires, class D, class V = hn::Vec<D>>
HWY_INLINE V fire_and_reset(const Neurons<D>& neurons, V levels, V h, V& after) {
  if constexpr (kFires == Fires::kCounts) {
    const V count = neurons.count(h, levels);
    after = hn::Sub(h, count);
    return count;
  } else if constexpr (kFires == Fires::kRelu) {
    const V positive = hn::Max(h, neurons.zero);
    after = hn::Sub(h, positive);
    return positive;
  } else if constexpr (kFires == Fires::kSigned) {
    after = neurons.reset(h, neurons.fires_either(h));
    return neurons.signed_spike(h);
  } else {
    const auto fired = neurons.fire(h);
    after = neurons.reset(h, fired);
    return hn::IfThenElseZero(fired, neurons.one);
  }
}

template <Fires kFires, class X, class S>
void forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
             const S* residual, S* s) {
  const int64_t step = shape.M * shape.C, x_step = shape.same_x ? 0 : step;
  HWY_ALIGN float tile[kTile];
  float* const potentials = tile;
  for_tiles(m_begin, m_end, shape.C, [&](int64_t m, int64_t first, int64_t n) HWY_ATTR {
    std::fill_n(potentials, n, p.v_reset);
    for (int64_t t = 0; t < shape.T; ++t) {
      const int64_t i0 = m * shape.C + first;
      for_columns(n, [=](auto d, int64_t c) HWY_ATTR {
        const Neurons neurons(d, p);
        const auto z = load_z(d, norm, first + c, x + i0 + t * x_step + c);
        auto v = neurons.charge(hn::LoadU(d, potentials + c), z);
        auto out = fire_and_reset<kFires>(neurons, hn::Set(d, float(p.levels)), v, v);
        hn::StoreU(v, d, potentials + c);
        if (residual) out = hn::Add(out, load(d, residual + i0 + t * step + c));
        store(d, out, s + i0 + t * step + c);
      });
    }
  });
}

template <class X, class S>
void forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
             const S* residual, S* s) {
  if (p.relu) return forward<Fires::kRelu>(p, shape, norm, m_begin, m_end, x, residual, s);
  if (p.levels > 0) return forward<Fires::kCounts>(p, shape, norm, m_begin, m_end, x, residual, s);
  if (p.is_signed()) return forward<Fires::kSigned>(p, shape, norm, m_begin, m_end, x, residual, s);
  forward<Fires::kSpikes>(p, shape, norm, m_begin, m_end, x, residual, s);
}

template <Surrogate kSurrogate, Fires kFires, class X, class S>
void backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
              const S* ds, X* dz, LifSums sums) {
  constexpr bool kWindow = kSurrogate == Surrogate::kWindow, kSigned = kFires == Fires::kSigned;
  const float alpha = kWindow ? p.window() : p.alpha;
  const int64_t T = shape.T, step = shape.M * shape.C, x_step = shape.same_x ? 0 : step;
  const auto scratch = hwy::AllocateAligned<float>(size_t((T + 2) * kTile));
  float* const potentials = scratch.get();   // h[t] of each column, [T, kTile]
  float* const dv = potentials + T * kTile;  // for each column
  float* const sum_over_t = dv + kTile;      // of dz, with same_x
  const hn::ScalableTag<float> full;
  auto dk = hn::Zero(full);
  double dk_tail = 0;
  for_tiles(m_begin, m_end, shape.C, [&](int64_t m, int64_t first, int64_t n) HWY_ATTR {
    const int64_t i0 = m * shape.C + first;
    // The potentials after the reset, v[t - 1], from those before it.
    const auto before = [=](auto d, const auto& neurons, int64_t t, int64_t c) HWY_ATTR {
      if (t == 0) return neurons.v_reset;
      auto v = hn::LoadU(d, potentials + (t - 1) * kTile + c);
      fire_and_reset<kFires>(neurons, hn::Set(d, float(p.levels)), v, v);
      return v;
    };
    for (int64_t t = 0; t < T; ++t) {
      for_columns(n, [=](auto d, int64_t c) HWY_ATTR {
        const Neurons neurons(d, p);
        const auto z = load_z(d, norm, first + c, x + i0 + t * x_step + c);
        hn::StoreU(neurons.charge(before(d, neurons, t, c), z), d, potentials + t * kTile + c);
      });
    }
    std::fill_n(dv, n, 0.0f);
    std::fill_n(sum_over_t, n, 0.0f);
    for (int64_t t = T - 1; t >= 0; --t) {
      const int64_t i = i0 + t * step, i_x = i0 + t * x_step;
      for_columns(n, [=, &dk, &dk_tail](auto d, int64_t c) HWY_ATTR {
        const Neurons neurons(d, p);
        const auto h = hn::LoadU(d, potentials + t * kTile + c), from_later = hn::LoadU(d, dv + c);
        auto dspike = load(d, ds + i + c);
        if (!p.detach_reset) {
          const auto dv_ds = kSigned        ? hn::Neg(hn::Mul(neurons.signed_spike(h), h))
                             : p.hard_reset ? hn::Sub(neurons.v_reset, h)
                                            : hn::Neg(neurons.v_threshold);
          dspike = hn::MulAdd(from_later, dv_ds, dspike);
        }
        const auto reset = kSigned ? neurons.fires_either(h) : neurons.fire(h);
        const auto kept = p.hard_reset && !kWindow ? hn::IfThenZeroElse(reset, from_later) : from_later;
        const auto gradient_at = [=](auto threshold) HWY_ATTR {
          return surrogate_gradient<kSurrogate>(d, hn::Set(d, alpha), hn::Sub(h, threshold));
        };
        auto gradient = gradient_at(neurons.v_threshold);
        if constexpr (kSigned) gradient = hn::Add(gradient, gradient_at(neurons.v_negative));
        const auto dh = hn::MulAdd(dspike, gradient, kept);
        const auto dz_t = hn::Mul(neurons.k, dh);
        hn::StoreU(hn::Mul(hn::Set(d, 1 - p.k * p.leak), dh), d, dv + c);
        if (shape.same_x)
          hn::StoreU(hn::Add(dz_t, hn::LoadU(d, sum_over_t + c)), d, sum_over_t + c);
        else
          store(d, dz_t, dz + i + c);
        if (sums.dz) {
          float* const sum = sums.dz + first + c;
          float* const sum_x = sums.dz_x + first + c;
          const auto centred = hn::Sub(load(d, x + i_x + c), hn::LoadU(d, norm.mean + first + c));
          hn::StoreU(hn::Add(dz_t, hn::LoadU(d, sum)), d, sum);
          hn::StoreU(hn::MulAdd(dz_t, centred, hn::LoadU(d, sum_x)), d, sum_x);
        }
        if (sums.dk) {
          const auto z = load_z(d, norm, first + c, x + i_x + c);
          const auto product = hn::Mul(dh, neurons.drive(before(d, neurons, t, c), z));
          if constexpr (std::is_same_v<decltype(d), hn::ScalableTag<float>>) {
            dk = hn::Add(dk, product);
          } else {
            dk_tail += double(hn::GetLane(product));
          }
        }
      });
    }
    if (shape.same_x) {
      for_columns(n, [=](auto d, int64_t c) HWY_ATTR { store(d, hn::LoadU(d, sum_over_t + c), dz + i0 + c); });
    }
  });
  if (sums.dk) {
    hn::Store(dk, full, potentials);
    for (int64_t i = 0; i < int64_t(hn::Lanes(full)); ++i) dk_tail += double(potentials[i]);
    *sums.dk += dk_tail;
  }
}

template <Fires kFires, class X, class S>
void backward_of_spikes(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                        const X* x, const S* ds, X* dz, LifSums sums) {
  switch (p.surrogate) {
    case Surrogate::kSigmoid:
      return backward<Surrogate::kSigmoid, kFires>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
    case Surrogate::kArctan:
      return backward<Surrogate::kArctan, kFires>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
    case Surrogate::kTriangle:
      return backward<Surrogate::kTriangle, kFires>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
    case Surrogate::kWindow:
      if (p.relu) return backward<Surrogate::kWindow, Fires::kRelu>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
      return backward<Surrogate::kWindow, Fires::kCounts>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
  }
}

template <class X, class S>
void backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
              const S* ds, X* dz, LifSums sums) {
  if (p.is_signed())
    backward_of_spikes<Fires::kSigned>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
  else
    backward_of_spikes<Fires::kSpikes>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}

// Named instances, which HWY_EXPORT requires.
void forward_float(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                   const float* x, const float* residual, float* s) {
  forward(p, shape, norm, m_begin, m_end, x, residual, s);
}
void forward_mixed(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                   const float* x, const Bfloat16* residual, Bfloat16* s) {
  forward(p, shape, norm, m_begin, m_end, x, residual, s);
}
void forward_bfloat16(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                      const Bfloat16* x, const Bfloat16* residual, Bfloat16* s) {
  forward(p, shape, norm, m_begin, m_end, x, residual, s);
}
void backward_float(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                    const float* x, const float* ds, float* dz, LifSums sums) {
  backward(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}
void backward_mixed(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                    const float* x, const Bfloat16* ds, float* dz, LifSums sums) {
  backward(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}
void backward_bfloat16(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                       const Bfloat16* x, const Bfloat16* ds, Bfloat16* dz, LifSums sums) {
  backward(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(forward_float);
HWY_EXPORT(forward_mixed);
HWY_EXPORT(forward_bfloat16);
HWY_EXPORT(backward_float);
HWY_EXPORT(backward_mixed);
HWY_EXPORT(backward_bfloat16);

void lif_forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                 const float* x, const float* residual, float* s) {
  HWY_DYNAMIC_DISPATCH(forward_float)(p, shape, norm, m_begin, m_end, x, residual, s);
}
void lif_forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                 const float* x, const Bfloat16* residual, Bfloat16* s) {
  HWY_DYNAMIC_DISPATCH(forward_mixed)(p, shape, norm, m_begin, m_end, x, residual, s);
}
void lif_forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                 const Bfloat16* x, const Bfloat16* residual, Bfloat16* s) {
  HWY_DYNAMIC_DISPATCH(forward_bfloat16)(p, shape, norm, m_begin, m_end, x, residual, s);
}
void lif_backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                  const float* x, const float* ds, float* dz, LifSums sums) {
  HWY_DYNAMIC_DISPATCH(backward_float)(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}
void lif_backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                  const float* x, const Bfloat16* ds, float* dz, LifSums sums) {
  HWY_DYNAMIC_DISPATCH(backward_mixed)(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}
void lif_backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end,
                  const Bfloat16* x, const Bfloat16* ds, Bfloat16* dz, LifSums sums) {
  HWY_DYNAMIC_DISPATCH(backward_bfloat16)(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
}

}  // namespace spikemix
#endif
