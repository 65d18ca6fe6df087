// SPDX-License-Identifier: MIT
// The neuron's equations (lif.h) on vectors, for every SIMD target: training and inference use the same code, so their
// bits agree.
#if defined(SPIKEMIX_NEURON_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_NEURON_INL_H
#undef SPIKEMIX_NEURON_INL_H
#else
#define SPIKEMIX_NEURON_INL_H
#endif

#include <hwy/highway.h>

#include "spikemix/kernels/lif/lif.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The neuron's constants in every lane, and its equations.
template <class D>
struct Neurons {
  using V = hn::Vec<D>;
  D d;
  V k, leak, v_threshold, v_negative, v_reset, one, zero;
  bool hard_reset;

  Neurons(D tag, const LifParams& p)
      : d(tag),
        k(hn::Set(d, p.k)),
        leak(hn::Set(d, p.leak)),
        v_threshold(hn::Set(d, p.v_threshold)),
        v_negative(hn::Set(d, p.v_negative)),
        v_reset(hn::Set(d, p.v_reset)),
        one(hn::Set(d, 1)),
        zero(hn::Zero(d)),
        hard_reset(p.hard_reset) {}

  // z - leak (v - v_reset), which k multiplies.
  HWY_INLINE V drive(V v, V z) const { return hn::NegMulAdd(leak, hn::Sub(v, v_reset), z); }
  HWY_INLINE V charge(V v, V z) const { return hn::MulAdd(k, drive(v, z), v); }
  HWY_INLINE hn::Mask<D> fire(V h) const { return hn::Ge(h, v_threshold); }
  // For signed neurons: -1, 0 or 1, and whether it is not 0.
  HWY_INLINE V signed_spike(V h) const {
    return hn::IfThenElse(hn::Le(h, v_negative), hn::Neg(one), hn::IfThenElseZero(fire(h), one));
  }
  HWY_INLINE hn::Mask<D> fires_either(V h) const { return hn::Or(fire(h), hn::Le(h, v_negative)); }
  // For integer neurons.
  HWY_INLINE V count(V h, V levels) const {
    return hn::Floor(hn::Add(hn::Min(hn::Max(h, zero), levels), hn::Set(d, 0.5f)));
  }
  HWY_INLINE V reset(V h, hn::Mask<D> s) const {
    if (hard_reset) return hn::IfThenElse(s, v_reset, h);
    return hn::IfThenElse(s, hn::Sub(h, v_threshold), h);
  }
};

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
