// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/batch_norm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/lif/batch_norm.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

template <class X>
void moments(int64_t rows, int64_t C, const X* x, const float* pivot, float* sum, float* sum_squares) {
  for (int64_t r = 0; r < rows; ++r) {
    const X* row = x + r * C;
    for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
      const auto value = hn::Sub(load(d, row + c), hn::LoadU(d, pivot + c));
      hn::StoreU(hn::Add(value, hn::LoadU(d, sum + c)), d, sum + c);
      hn::StoreU(hn::MulAdd(value, value, hn::LoadU(d, sum_squares + c)), d, sum_squares + c);
    });
  }
}

template <class X>
void norm_forward(int64_t rows, int64_t C, const X* x, const float* scale, const float* shift, const float* residual,
                  float* z) {
  for (int64_t r = 0; r < rows; ++r) {
    for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
      const int64_t i = r * C + c;
      const auto value = hn::MulAdd(load(d, x + i), hn::LoadU(d, scale + c), hn::LoadU(d, shift + c));
      hn::StoreU(residual ? hn::Add(value, hn::LoadU(d, residual + i)) : value, d, z + i);
    });
  }
}

template <class X>
void norm_sums(int64_t rows, int64_t C, const X* x, const float* mean, const float* dz, float* sum, float* sum_x) {
  for (int64_t r = 0; r < rows; ++r) {
    for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
      const auto gradient = hn::LoadU(d, dz + r * C + c);
      const auto centred = hn::Sub(load(d, x + r * C + c), hn::LoadU(d, mean + c));
      hn::StoreU(hn::Add(gradient, hn::LoadU(d, sum + c)), d, sum + c);
      hn::StoreU(hn::MulAdd(gradient, centred, hn::LoadU(d, sum_x + c)), d, sum_x + c);
    });
  }
}

template <class X, class Z>
void norm_backward(int64_t rows, int64_t C, const X* x, const float* mean, const float* a, const float* b,
                   const float* c, const Z* dz, X* dx) {
  for (int64_t r = 0; r < rows; ++r) {
    for_columns(C, [&](auto d, int64_t i) HWY_ATTR {
      const auto centred = hn::Sub(load(d, x + r * C + i), hn::LoadU(d, mean + i));
      const auto offset = hn::MulAdd(centred, hn::LoadU(d, b + i), hn::LoadU(d, c + i));
      store(d, hn::MulAdd(load(d, dz + r * C + i), hn::LoadU(d, a + i), offset), dx + r * C + i);
    });
  }
}

// Named instances, which HWY_EXPORT requires.
void moments_float(int64_t rows, int64_t C, const float* x, const float* pivot, float* sum, float* sum_squares) {
  moments(rows, C, x, pivot, sum, sum_squares);
}
void moments_bfloat16(int64_t rows, int64_t C, const Bfloat16* x, const float* pivot, float* sum, float* sum_squares) {
  moments(rows, C, x, pivot, sum, sum_squares);
}
void norm_forward_float(int64_t rows, int64_t C, const float* x, const float* scale, const float* shift,
                        const float* residual, float* z) {
  norm_forward(rows, C, x, scale, shift, residual, z);
}
void norm_forward_bfloat16(int64_t rows, int64_t C, const Bfloat16* x, const float* scale, const float* shift,
                           const float* residual, float* z) {
  norm_forward(rows, C, x, scale, shift, residual, z);
}
void norm_sums_float(int64_t rows, int64_t C, const float* x, const float* mean, const float* dz, float* sum,
                     float* sum_x) {
  norm_sums(rows, C, x, mean, dz, sum, sum_x);
}
void norm_sums_bfloat16(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* dz, float* sum,
                        float* sum_x) {
  norm_sums(rows, C, x, mean, dz, sum, sum_x);
}
void norm_backward_float(int64_t rows, int64_t C, const float* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, float* dx) {
  norm_backward(rows, C, x, mean, a, b, c, dz, dx);
}
void norm_backward_mixed(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, Bfloat16* dx) {
  norm_backward(rows, C, x, mean, a, b, c, dz, dx);
}
void norm_backward_bfloat16(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a,
                            const float* b, const float* c, const Bfloat16* dz, Bfloat16* dx) {
  norm_backward(rows, C, x, mean, a, b, c, dz, dx);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(moments_float);
HWY_EXPORT(moments_bfloat16);
HWY_EXPORT(norm_forward_float);
HWY_EXPORT(norm_forward_bfloat16);
HWY_EXPORT(norm_sums_float);
HWY_EXPORT(norm_sums_bfloat16);
HWY_EXPORT(norm_backward_float);
HWY_EXPORT(norm_backward_mixed);
HWY_EXPORT(norm_backward_bfloat16);

void channel_moments(int64_t rows, int64_t C, const float* x, const float* pivot, float* sum, float* sum_squares) {
  HWY_DYNAMIC_DISPATCH(moments_float)(rows, C, x, pivot, sum, sum_squares);
}
void channel_moments(int64_t rows, int64_t C, const Bfloat16* x, const float* pivot, float* sum, float* sum_squares) {
  HWY_DYNAMIC_DISPATCH(moments_bfloat16)(rows, C, x, pivot, sum, sum_squares);
}
void batch_norm_forward(int64_t rows, int64_t C, const float* x, const float* scale, const float* shift,
                        const float* residual, float* z) {
  HWY_DYNAMIC_DISPATCH(norm_forward_float)(rows, C, x, scale, shift, residual, z);
}
void batch_norm_forward(int64_t rows, int64_t C, const Bfloat16* x, const float* scale, const float* shift,
                        const float* residual, float* z) {
  HWY_DYNAMIC_DISPATCH(norm_forward_bfloat16)(rows, C, x, scale, shift, residual, z);
}
void batch_norm_sums(int64_t rows, int64_t C, const float* x, const float* mean, const float* dz, float* sum,
                     float* sum_x) {
  HWY_DYNAMIC_DISPATCH(norm_sums_float)(rows, C, x, mean, dz, sum, sum_x);
}
void batch_norm_sums(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* dz, float* sum,
                     float* sum_x) {
  HWY_DYNAMIC_DISPATCH(norm_sums_bfloat16)(rows, C, x, mean, dz, sum, sum_x);
}
void batch_norm_backward(int64_t rows, int64_t C, const float* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, float* dx) {
  HWY_DYNAMIC_DISPATCH(norm_backward_float)(rows, C, x, mean, a, b, c, dz, dx);
}
void batch_norm_backward(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, Bfloat16* dx) {
  HWY_DYNAMIC_DISPATCH(norm_backward_mixed)(rows, C, x, mean, a, b, c, dz, dx);
}
void batch_norm_backward(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, const Bfloat16* dz, Bfloat16* dx) {
  HWY_DYNAMIC_DISPATCH(norm_backward_bfloat16)(rows, C, x, mean, a, b, c, dz, dx);
}

}  // namespace spikemix
#endif
