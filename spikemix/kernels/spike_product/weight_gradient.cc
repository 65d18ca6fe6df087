// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/weight_gradient.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/weight_gradient.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

template <class Sums, int kWidth>
void gradient_of_panel(const std::byte* bytes, const float* scale, const SpikeLists& lists, int64_t first, int64_t last,
                       std::span<const int64_t> offsets, float* dw, int64_t stride) {
  const typename Sums::DF d;
  const auto* panel = reinterpret_cast<const typename Sums::Weight*>(bytes);
  const uint16_t* const index = lists.index.get();
  for (int64_t c = first; c < last; ++c) {
    const uint32_t* begin = lists.begin.get() + c * lists.planes;
    if (begin[lists.planes] == begin[0]) continue;
    for (size_t k = 0; k < offsets.size(); ++k) {
      Sums sums;
      sums.clear();
      for (int64_t p = 0; p < lists.planes; ++p) {
        if (p > 0) sums.twice();
        sums.add(panel + offsets[k] * kWidth, index + begin[p], int64_t(begin[p + 1]) - int64_t(begin[p]));
      }
      float* to = dw + (int64_t(k) * lists.count + c) * stride;
      sums.each([&](int o, auto value) HWY_ATTR {
        hn::StoreU(hn::MulAdd(value, hn::LoadU(d, scale + o), hn::LoadU(d, to + o)), d, to + o);
      });
    }
  }
}

template <int kWidth>
void gradient_of_width(WeightType type, const std::byte* panel, const float* scale, const SpikeLists& lists,
                       int64_t begin, int64_t end, std::span<const int64_t> offsets, float* dw, int64_t stride) {
  if (type == WeightType::kU16)
    return gradient_of_panel<BiasedSums<uint16_t, kWidth, 4>, kWidth>(panel, scale, lists, begin, end, offsets, dw,
                                                                      stride);
  gradient_of_panel<FloatSums<kWidth>, kWidth>(panel, scale, lists, begin, end, offsets, dw, stride);
}

void gradient(WeightType type, const std::byte* panel, int64_t width, const float* scale, const SpikeLists& lists,
              int64_t begin, int64_t end, std::span<const int64_t> offsets, float* dw, int64_t stride) {
  switch (width) {
    case 16:
      return gradient_of_width<16>(type, panel, scale, lists, begin, end, offsets, dw, stride);
    case 32:
      return gradient_of_width<32>(type, panel, scale, lists, begin, end, offsets, dw, stride);
    default:
      return gradient_of_width<64>(type, panel, scale, lists, begin, end, offsets, dw, stride);
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(gradient);

void weight_gradient(WeightType type, const std::byte* panel, int64_t width, const float* scale,
                     const SpikeLists& lists, int64_t begin, int64_t end, std::span<const int64_t> offsets, float* dw,
                     int64_t stride) {
  HWY_DYNAMIC_DISPATCH(gradient)(type, panel, width, scale, lists, begin, end, offsets, dw, stride);
}

}  // namespace spikemix
#endif  // HWY_ONCE
