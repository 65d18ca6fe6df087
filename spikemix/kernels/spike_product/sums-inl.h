// SPDX-License-Identifier: MIT
// Sums of weight rows in registers, for every SIMD target: the part that inference and training share.
#if defined(SPIKEMIX_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_SUMS_INL_H
#undef SPIKEMIX_SUMS_INL_H
#else
#define SPIKEMIX_SUMS_INL_H
#endif

#include <algorithm>

#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spike_product/spike_lists.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of sums are in arrays, whose loops the compiler must unroll to keep them in registers.
#define SPIKEMIX_UNROLL _Pragma("GCC unroll 16")

// Constructors are written out: GCC compiles implicit ones without the target's instructions, and then cannot inline
// the constructors of Highway's vectors into them on Arm.
//
// The interface of both classes: clear(); twice(), between two planes of small integers; add(panel, list, length);
// each(f): f(o, y) with the float sums y of the outputs [o, o + lanes of DF) of the panel.

// Narrow panels have several accumulators for each output, used in turn, because an addition waits for the one before.
template <int kWidth>
struct FloatSums {
  using Weight = float;
  using D = hn::CappedTag<float, 16>;
  using DF = D;
  static constexpr int kLanes = int(hn::MaxLanes(D())), kVectors = kWidth / kLanes;
  static constexpr int kAccumulators = 64 / kWidth;
  hn::Vec<D> sum[kAccumulators * kVectors];

  HWY_INLINE FloatSums() {}
  HWY_INLINE void clear() { SPIKEMIX_UNROLL for (auto& s : sum) s = hn::Zero(D()); }
  HWY_INLINE void twice() { SPIKEMIX_UNROLL for (auto& s : sum) s = hn::Add(s, s); }
  HWY_INLINE void add(const float* HWY_RESTRICT panel, const uint16_t* HWY_RESTRICT index, int64_t n) {
    for (int64_t j = 0; j < n; j += kListMultiple) {
      SPIKEMIX_UNROLL for (int e = 0; e < kListMultiple; ++e)
          add_row(panel + int64_t(index[j + e]) * kWidth, e % kAccumulators);
    }
  }
  HWY_INLINE void add_row(const float* HWY_RESTRICT row, int accumulator) {
    hn::Vec<D>* own = sum + accumulator * kVectors;
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) own[i] = hn::Add(own[i], hn::Load(D(), row + i * kLanes));
  }
  template <class F>
  HWY_INLINE void each(const F& f) const {
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) {
      auto y = sum[i];
      SPIKEMIX_UNROLL for (int a = 1; a < kAccumulators; ++a) y = hn::Add(y, sum[a * kVectors + i]);
      f(i * kLanes, y);
    }
  }
};

#if HWY_TARGET != HWY_SCALAR

// Biased weights: see packed_weights.h.
template <class Biased, int kWidth, int kRows>
struct BiasedSums {
  using Weight = Biased;
  static constexpr int64_t kHalf = largest_weight(sizeof(Biased) == 1 ? WeightType::kU8 : WeightType::kU16, kRows) + 1;
  using D = hn::CappedTag<Biased, kWidth>;
  using Wide = hn::RepartitionToWide<D>;
  static constexpr int kLanes = int(hn::MaxLanes(D())), kVectors = kWidth / kLanes, kWideLanes = kLanes / 2;
  using DF = hn::CappedTag<float, (kWideLanes < 16 ? kWideLanes : 16)>;
  static constexpr int kFloats = int(hn::MaxLanes(DF()));
  hn::Vec<Wide> even[kVectors], odd[kVectors];
  int64_t bias;  // rows added, as the doublings count them

  HWY_INLINE BiasedSums() {}
  HWY_INLINE void clear() {
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) even[i] = odd[i] = hn::Zero(Wide());
    bias = 0;
  }
  HWY_INLINE void twice() {
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) {
      even[i] = hn::Add(even[i], even[i]);
      odd[i] = hn::Add(odd[i], odd[i]);
    }
    bias += bias;
  }

  HWY_INLINE void add_rows(const Biased* HWY_RESTRICT panel, const uint16_t* HWY_RESTRICT index) {
    const D d;
    const auto low = hn::Set(Wide(), hn::TFromD<Wide>((1u << (8 * sizeof(Biased))) - 1));
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) {
      auto v = hn::Load(d, panel + int64_t(index[0]) * kWidth + i * kLanes);
      SPIKEMIX_UNROLL for (int r = 1; r < kRows; ++r) v =
          hn::Add(v, hn::Load(d, panel + int64_t(index[r]) * kWidth + i * kLanes));
      const auto wide = hn::BitCast(Wide(), v);
      even[i] = hn::Add(even[i], hn::And(wide, low));
      odd[i] = hn::Add(odd[i], hn::ShiftRight<8 * sizeof(Biased)>(wide));
    }
  }

  HWY_INLINE void add(const Biased* HWY_RESTRICT panel, const uint16_t* HWY_RESTRICT index, int64_t n) {
    for (int64_t j = 0; j < n; j += kListMultiple) {
      SPIKEMIX_UNROLL for (int e = 0; e < kListMultiple; e += kRows) add_rows(panel, index + j + e);
    }
    bias += n;
  }

  template <class F>
  HWY_INLINE void each_wide(const F& f, int o, hn::Vec<Wide> sum) const {
    const auto s = hn::BitCast(hn::RebindToSigned<Wide>(), sum);
    const hn::RebindToSigned<DF> d32;
    if constexpr (sizeof(Biased) == 2) {
      f(o, hn::ConvertTo(DF(), s));
    } else if constexpr (kWideLanes == kFloats) {
      f(o, hn::ConvertTo(DF(), hn::PromoteTo(d32, s)));
    } else {
      const hn::Half<hn::RebindToSigned<Wide>> half;
      f(o, hn::ConvertTo(DF(), hn::PromoteTo(d32, hn::LowerHalf(half, s))));
      f(o + kFloats, hn::ConvertTo(DF(), hn::PromoteTo(d32, hn::UpperHalf(half, s))));
    }
  }
  template <class F>
  HWY_INLINE void each(const F& f) const {
    const auto off = hn::Set(Wide(), hn::TFromD<Wide>(bias * kHalf));
    SPIKEMIX_UNROLL for (int i = 0; i < kVectors; ++i) {
      each_wide(f, i * kWideLanes, hn::Sub(even[i], off));
      each_wide(f, i * kWideLanes + kWidth / 2, hn::Sub(odd[i], off));
    }
  }
};

#else

template <class Biased, int kWidth, int kRows>
struct BiasedSums {
  using Weight = Biased;
  using DF = hn::CappedTag<float, 1>;
  static constexpr int64_t kHalf = largest_weight(sizeof(Biased) == 1 ? WeightType::kU8 : WeightType::kU16, kRows) + 1;
  int64_t sum[kWidth];

  void clear() { std::fill_n(sum, kWidth, 0); }
  void twice() {
    for (int64_t& s : sum) s *= 2;
  }
  void add(const Biased* panel, const uint16_t* index, int64_t n) {
    for (int64_t j = 0; j < n; ++j) {
      const Biased* row = panel + int64_t(index[j]) * kWidth;
      for (int o = 0; o < kWidth; ++o) sum[o] += int64_t(row[o % (kWidth / 2) * 2 + o / (kWidth / 2)]) - kHalf;
    }
  }
  template <class F>
  void each(const F& f) const {
    for (int o = 0; o < kWidth; ++o) f(o, hn::Set(DF(), float(sum[o])));
  }
};

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
