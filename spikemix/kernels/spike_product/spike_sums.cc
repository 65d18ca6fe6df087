// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/spike_sums.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/spike_sums.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/sums-inl.h"
#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

template <class Sums, class Y>
void sums_of_panel(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t rows, int64_t T,
                   Y* y, int64_t step, int64_t stride, const SumMoments& moments) {
  using D = typename Sums::DF;
  const D d;
  const auto* weights = reinterpret_cast<const typename Sums::Weight*>(w.data.get() + panel.offset);
  const float* scale = w.scale.data() + panel.first;
  const uint16_t* const index = lists.index.get();
  const uint32_t* begin = lists.begin.get();
  HWY_ALIGN float pivot[64] = {}, sum[64] = {}, sum_squares[64] = {};
  if (moments.pivot) std::copy_n(moments.pivot + panel.first, panel.count, pivot);
  HWY_ALIGN Y part[64];  // for a panel that is wider than the remaining outputs
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t t = 0; t < T; ++t) {
      Sums sums;
      sums.clear();
      for (int64_t p = 0; p < lists.planes; ++p, ++begin) {
        if (p > 0) sums.twice();
        sums.add(weights, index + begin[0], int64_t(begin[1]) - int64_t(begin[0]));
      }
      Y* const row = y + t * step + r * stride + panel.first;
      Y* const to = panel.count == panel.width ? row : part;
      sums.each([&](int o, auto value) HWY_ATTR {
        const auto scaled = hn::Mul(value, hn::LoadU(d, scale + o));
        store(d, scaled, to + o);
        const auto centred = hn::Sub(scaled, hn::Load(d, pivot + o));
        hn::Store(hn::Add(centred, hn::Load(d, sum + o)), d, sum + o);
        hn::Store(hn::MulAdd(centred, centred, hn::Load(d, sum_squares + o)), d, sum_squares + o);
      });
      if (to == part) std::copy_n(part, panel.count, row);
    }
  }
  if (moments.sum) {
    for (int64_t o = 0; o < panel.count; ++o) {
      moments.sum[panel.first + o] += sum[o];
      moments.sum_squares[panel.first + o] += sum_squares[o];
    }
  }
}

template <int kWidth, class Y>
void sums_of_width(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t rows, int64_t T,
                   Y* y, int64_t step, int64_t stride, const SumMoments& moments) {
  if (w.type == WeightType::kU16)
    return sums_of_panel<BiasedSums<uint16_t, kWidth, 4>>(w, panel, lists, rows, T, y, step, stride, moments);
  sums_of_panel<FloatSums<kWidth>>(w, panel, lists, rows, T, y, step, stride, moments);
}

template <class Y>
void sums_of(const PackedWeights& w, const SpikeLists& lists, int64_t rows, int64_t T, Y* y, int64_t step,
             int64_t stride, const SumMoments& moments) {
  for (const WeightPanel& panel : w.panels) {
    switch (panel.width) {
      case 16:
        sums_of_width<16>(w, panel, lists, rows, T, y, step, stride, moments);
        break;
      case 32:
        sums_of_width<32>(w, panel, lists, rows, T, y, step, stride, moments);
        break;
      default:
        sums_of_width<64>(w, panel, lists, rows, T, y, step, stride, moments);
        break;
    }
  }
}

// Named instances, which HWY_EXPORT requires.
void sums_float(const PackedWeights& w, const SpikeLists& lists, int64_t rows, int64_t T, float* y, int64_t step,
                int64_t stride, const SumMoments& moments) {
  sums_of(w, lists, rows, T, y, step, stride, moments);
}
void sums_bfloat16(const PackedWeights& w, const SpikeLists& lists, int64_t rows, int64_t T, Bfloat16* y, int64_t step,
                   int64_t stride, const SumMoments& moments) {
  sums_of(w, lists, rows, T, y, step, stride, moments);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(sums_float);
HWY_EXPORT(sums_bfloat16);

void spike_sums(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, int64_t T, float* y, int64_t step,
                int64_t stride, const SumMoments& moments) {
  HWY_DYNAMIC_DISPATCH(sums_float)(weights, lists, rows, T, y, step, stride, moments);
}
void spike_sums(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, int64_t T, Bfloat16* y,
                int64_t step, int64_t stride, const SumMoments& moments) {
  HWY_DYNAMIC_DISPATCH(sums_bfloat16)(weights, lists, rows, T, y, step, stride, moments);
}

}  // namespace spikemix
#endif  // HWY_ONCE
