// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/matrix_panel.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/matrix_panel.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// A row's columns as floats, followed by zeros.
template <class X>
HWY_INLINE void load_row(const X* x, int64_t count, int64_t width, float* row) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = int64_t(hn::Lanes(d));
  int64_t o = 0;
  for (; o + lanes <= count; o += lanes) hn::Store(load(d, x + o), d, row + o);
  for (; o < count; ++o) row[o] = float(x[o]);
  for (; o < width; ++o) row[o] = 0;
}

// f(panel row, values) for every row of the ranges.
template <class X, class F>
HWY_INLINE void for_rows(const PanelSource& source, std::span<const RowRange> ranges, const X* matrix, int64_t width,
                         const F& f) {
  HWY_ALIGN float row[64];
  for (const RowRange& range : ranges) {
    for (int64_t i = 0; i < range.count; ++i) {
      // A few rows ahead: each row is a piece of a long one, which hardware prefetchers do not follow.
      const X* ahead = matrix + (range.first + std::min(i + 8, range.count - 1)) * source.stride + source.first;
      hwy::Prefetch(ahead);
      hwy::Prefetch(ahead + 64 / sizeof(X));
      load_row(matrix + (range.first + i) * source.stride + source.first, source.count, width, row);
      f(range.block_row + i, row);
    }
  }
}

template <class X>
void pack_floats(const PanelSource& source, std::span<const RowRange> ranges, const X* matrix, int64_t width,
                 float* panel, float* scale) {
  std::fill_n(panel, source.rows * width, 0.0f);
  for (int64_t o = 0; o < width; ++o) scale[o] = o < source.count ? 1.0f : 0.0f;
  for_rows(source, ranges, matrix, width,
           [&](int64_t panel_row, const float* row) { std::copy_n(row, width, panel + panel_row * width); });
}

// Floats: no more lanes than half a panel has columns.
template <class Floats, class X>
void pack_biased(const PanelSource& source, std::span<const RowRange> ranges, const X* matrix, int64_t width,
                 uint16_t* panel, float* scale) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const auto lanes = int64_t(hn::Lanes(d));
  constexpr int64_t kLargest = largest_weight(WeightType::kU16, 4), kHalf = kLargest + 1;
  HWY_ALIGN float largest[64] = {}, to_integer[64];
  for_rows(source, ranges, matrix, width, [&](int64_t, const float* row) HWY_ATTR {
    for (int64_t o = 0; o < width; o += lanes)
      hn::Store(hn::Max(hn::Load(d, largest + o), hn::Abs(hn::Load(d, row + o))), d, largest + o);
  });
  for (int64_t o = 0; o < width; ++o) {
    scale[o] = largest[o] / float(kLargest);
    to_integer[o] = largest[o] > 0 ? float(kLargest) / largest[o] : 0.0f;
  }
  std::fill_n(panel, source.rows * width, uint16_t(kHalf));
  const auto half = hn::Set(di, int32_t(kHalf));
  for_rows(source, ranges, matrix, width, [&](int64_t panel_row, const float* row) HWY_ATTR {
    const auto biased = [&](int64_t o) HWY_ATTR {
      return hn::Add(hn::NearestInt(hn::Mul(hn::Load(d, row + o), hn::Load(d, to_integer + o))), half);
    };
    // Even positions hold the first half of the columns, odd ones the second.
    auto* to = reinterpret_cast<int32_t*>(panel + panel_row * width);
    for (int64_t o = 0; o < width / 2; o += lanes)
      hn::StoreU(hn::Or(biased(o), hn::ShiftLeft<16>(biased(o + width / 2))), di, to + o);
  });
}

template <class X>
void pack(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const X* matrix, int64_t width,
          std::byte* panel, float* scale) {
  if (type == WeightType::kF32)
    pack_floats(source, ranges, matrix, width, reinterpret_cast<float*>(panel), scale);
  else if (width == 16)
    pack_biased<hn::CappedTag<float, 8>>(source, ranges, matrix, width, reinterpret_cast<uint16_t*>(panel), scale);
  else
    pack_biased<hn::CappedTag<float, 16>>(source, ranges, matrix, width, reinterpret_cast<uint16_t*>(panel), scale);
}

// Named instances, which HWY_EXPORT requires.
void pack_float(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const float* matrix,
                int64_t width, std::byte* panel, float* scale) {
  pack(type, source, ranges, matrix, width, panel, scale);
}
void pack_bfloat16(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const Bfloat16* matrix,
                   int64_t width, std::byte* panel, float* scale) {
  pack(type, source, ranges, matrix, width, panel, scale);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(pack_float);
HWY_EXPORT(pack_bfloat16);

void pack_panel(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const float* matrix,
                int64_t width, std::byte* panel, float* scale) {
  HWY_DYNAMIC_DISPATCH(pack_float)(type, source, ranges, matrix, width, panel, scale);
}
void pack_panel(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const Bfloat16* matrix,
                int64_t width, std::byte* panel, float* scale) {
  HWY_DYNAMIC_DISPATCH(pack_bfloat16)(type, source, ranges, matrix, width, panel, scale);
}

}  // namespace spikemix
#endif  // HWY_ONCE
