#include "spikemix/kernels/lif/lif.h"

#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/lif/lif.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/aligned_allocator.h>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "spikemix/kernels/lif/neuron-inl.h"
#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

template <Surrogate kSurrogate, class D, class V = hn::Vec<D>>
HWY_INLINE V surrogate_gradient(D d, V alpha, V u) {
  const V one = hn::Set(d, 1);
  if constexpr (kSurrogate == Surrogate::kSigmoid) {
    // alpha e / (1 + e)^2 with e = exp(-alpha |u|): the same function, as it is even, and e cannot overflow.
    const V e = hn::Exp(d, hn::Neg(hn::Abs(hn::Mul(alpha, u))));
    const V sum = hn::Add(one, e);
    return hn::Div(hn::Mul(alpha, e), hn::Mul(sum, sum));
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

template <class X, class S>
void forward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
             const S* residual, S* s) {
  const int64_t step = shape.M * shape.C, x_step = shape.same_x ? 0 : step;
  for (int64_t m = m_begin; m < m_end; ++m) {
    for_columns(shape.C, [&](auto d, int64_t c) HWY_ATTR {
      const Neurons neurons(d, p);
      auto v = neurons.v_reset;
      int64_t i = m * shape.C + c, i_x = i;
      for (int64_t t = 0; t < shape.T; ++t, i += step, i_x += x_step) {
        const auto h = neurons.charge(v, load_z(d, norm, c, x + i_x));
        const auto fired = neurons.fire(h);
        v = neurons.reset(h, fired);
        auto out = hn::IfThenElseZero(fired, neurons.one);
        if (residual) out = hn::Add(out, load(d, residual + i));
        store(d, out, s + i);
      }
    });
  }
}

template <Surrogate kSurrogate, class X, class S>
void backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
              const S* ds, X* dz, LifSums sums) {
  const int64_t T = shape.T, step = shape.M * shape.C, x_step = shape.same_x ? 0 : step;
  const hn::ScalableTag<float> full;
  const auto lanes = int64_t(hn::Lanes(full));
  const auto scratch = hwy::AllocateAligned<float>(size_t((T + 1) * lanes));
  float* HWY_RESTRICT potentials = scratch.get();  // h[t] of one vector of neurons
  auto dk = hn::Zero(full);
  double dk_tail = 0;
  for (int64_t m = m_begin; m < m_end; ++m) {
    for_columns(shape.C, [&](auto d, int64_t c) HWY_ATTR {
      const Neurons neurons(d, p);
      const auto alpha = hn::Set(d, p.alpha), decay = hn::Set(d, 1 - p.k * p.leak);
      const int64_t i0 = m * shape.C + c;
      auto v = neurons.v_reset;
      for (int64_t t = 0; t < T; ++t) {
        const auto h = neurons.charge(v, load_z(d, norm, c, x + i0 + t * x_step));
        hn::Store(h, d, potentials + t * lanes);
        v = neurons.reset(h, neurons.fire(h));
      }

      auto dv = neurons.zero, sum_dz = neurons.zero, sum_dz_x = neurons.zero, sum_dk = neurons.zero;
      const auto mean = norm.scale ? hn::LoadU(d, norm.mean + c) : neurons.zero;
      for (int64_t t = T - 1; t >= 0; --t) {
        const auto h = hn::Load(d, potentials + t * lanes);
        const auto fired = neurons.fire(h);
        auto dspike = load(d, ds + i0 + t * step);
        if (!p.detach_reset) {
          const auto dv_ds = p.hard_reset ? hn::Sub(neurons.v_reset, h) : hn::Neg(neurons.v_threshold);
          dspike = hn::MulAdd(dv, dv_ds, dspike);
        }
        const auto kept = p.hard_reset ? hn::IfThenZeroElse(fired, dv) : dv;
        const auto u = hn::Sub(h, neurons.v_threshold);
        const auto dh = hn::MulAdd(dspike, surrogate_gradient<kSurrogate>(d, alpha, u), kept);
        const auto dz_t = hn::Mul(neurons.k, dh);
        sum_dz = hn::Add(sum_dz, dz_t);
        if (!shape.same_x) {
          store(d, dz_t, dz + i0 + t * step);
          if (norm.scale) sum_dz_x = hn::MulAdd(dz_t, hn::Sub(load(d, x + i0 + t * step), mean), sum_dz_x);
        }
        if (sums.dk) {
          auto before = neurons.v_reset;
          if (t > 0) {
            const auto h_before = hn::Load(d, potentials + (t - 1) * lanes);
            before = neurons.reset(h_before, neurons.fire(h_before));
          }
          sum_dk = hn::MulAdd(dh, neurons.drive(before, load_z(d, norm, c, x + i0 + t * x_step)), sum_dk);
        }
        dv = hn::Mul(decay, dh);
      }
      if (shape.same_x) {
        store(d, sum_dz, dz + i0);
        if (norm.scale) sum_dz_x = hn::Mul(sum_dz, hn::Sub(load(d, x + i0), mean));
      }
      if (sums.dz) {
        hn::StoreU(hn::Add(sum_dz, hn::LoadU(d, sums.dz + c)), d, sums.dz + c);
        hn::StoreU(hn::Add(sum_dz_x, hn::LoadU(d, sums.dz_x + c)), d, sums.dz_x + c);
      }
      if constexpr (std::is_same_v<decltype(d), hn::ScalableTag<float>>) {
        dk = hn::Add(dk, sum_dk);
      } else {
        dk_tail += double(hn::GetLane(sum_dk));
      }
    });
  }
  if (sums.dk) {
    hn::Store(dk, full, potentials);
    for (int64_t i = 0; i < lanes; ++i) dk_tail += double(potentials[i]);
    *sums.dk += dk_tail;
  }
}

template <class X, class S>
void backward(const LifParams& p, const LifShape& shape, LifNorm norm, int64_t m_begin, int64_t m_end, const X* x,
              const S* ds, X* dz, LifSums sums) {
  switch (p.surrogate) {
    case Surrogate::kSigmoid:
      return backward<Surrogate::kSigmoid>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
    case Surrogate::kArctan:
      return backward<Surrogate::kArctan>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
    case Surrogate::kTriangle:
      return backward<Surrogate::kTriangle>(p, shape, norm, m_begin, m_end, x, ds, dz, sums);
  }
}

// Named instances, which HWY_EXPORT asks for.
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
