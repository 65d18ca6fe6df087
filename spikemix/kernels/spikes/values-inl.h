// SPDX-License-Identifier: MIT
// Loads vectors of floats from memory that holds float or Bfloat16, for every SIMD target.
#if defined(SPIKEMIX_VALUES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_VALUES_INL_H
#undef SPIKEMIX_VALUES_INL_H
#else
#define SPIKEMIX_VALUES_INL_H
#endif

#include <hwy/highway.h>

#include "spikemix/kernels/spikes/bfloat16.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const float* p) {
  return hn::LoadU(d, p);
}

template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Bfloat16* p) {
  const hn::Rebind<uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, &p->bits))));
}

template <class D>
HWY_INLINE void store(D d, hn::Vec<D> v, float* p) {
  hn::StoreU(v, d, p);
}

// Rounds to nearest, ties to even; Highway 1.0's own conversion truncates.
template <class D>
HWY_INLINE void store(D, hn::Vec<D> v, Bfloat16* p) {
  const hn::RebindToUnsigned<D> d32;
  const hn::RebindToSigned<D> di32;
  const hn::Rebind<int16_t, D> di16;
  const hn::Rebind<uint16_t, D> d16;
  const auto u = hn::BitCast(d32, v);
  const auto odd = hn::And(hn::ShiftRight<16>(u), hn::Set(d32, 1));
  const auto rounded = hn::Add(u, hn::Add(odd, hn::Set(d32, 0x7fff)));
  // The arithmetic shift leaves a value that fits int16, so that the saturating DemoteTo (one instruction) keeps every
  // bit.
  const auto high = hn::DemoteTo(di16, hn::ShiftRight<16>(hn::BitCast(di32, rounded)));
  hn::StoreU(hn::BitCast(d16, high), d16, &p->bits);
}

// body(tag, c) for each vector of the columns 0 .. C - 1: full vectors, then one value at a time.
template <class Body>
HWY_INLINE void for_columns(int64_t C, const Body& body) {
  const hn::ScalableTag<float> d;
  const auto lanes = int64_t(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= C; c += lanes) body(d, c);
  for (; c < C; ++c) body(hn::CappedTag<float, 1>(), c);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
