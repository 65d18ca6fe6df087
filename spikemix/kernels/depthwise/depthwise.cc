// SPDX-License-Identifier: MIT
#include "spikemix/kernels/depthwise/depthwise.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/depthwise/depthwise.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

void depthwise_convolution(const DepthwiseShape& shape, int64_t begin, int64_t end, const float* weights,
                           const float* x, float* y) {
  const int64_t H = shape.height, W = shape.width, C = shape.C, k = shape.kernel;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t top = row % H - k / 2;
    const float* const image = x + row / H * H * W * C;
    for (int64_t column = 0; column < W; ++column) {
      const int64_t left = column - k / 2, out = (row * W + column) * C;
      for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (int64_t i = std::max<int64_t>(0, -top); i < k && top + i < H; ++i) {
          for (int64_t j = std::max<int64_t>(0, -left); j < k && left + j < W; ++j) {
            const auto value = hn::LoadU(d, image + ((top + i) * W + left + j) * C + c);
            sum = hn::MulAdd(value, hn::LoadU(d, weights + (i * k + j) * C + c), sum);
          }
        }
        hn::StoreU(sum, d, y + out + c);
      });
    }
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(depthwise_convolution);

void depthwise_convolution(const DepthwiseShape& shape, int64_t begin, int64_t end, const float* weights,
                           const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(depthwise_convolution)(shape, begin, end, weights, x, y);
}

}  // namespace spikemix
#endif  // HWY_ONCE
