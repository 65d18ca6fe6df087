// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spikes/max_pool.h"

#include <algorithm>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spikes/max_pool.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

template <class D>
HWY_INLINE hn::Vec<D> load_code(D d, const uint8_t* p) {
  const hn::Rebind<uint8_t, D> d8;
  const hn::RebindToSigned<D> di32;
  return hn::ConvertTo(d, hn::PromoteTo(di32, hn::LoadU(d8, p)));
}

template <class D>
HWY_INLINE void store_code(D, hn::Vec<D> v, uint8_t* p) {
  const hn::Rebind<uint8_t, D> d8;
  const hn::RebindToSigned<D> di32;
  hn::StoreU(hn::DemoteTo(d8, hn::ConvertTo(di32, v)), d8, p);
}

template <class X>
void pool(const PoolShape& shape, int64_t begin, int64_t end, const X* x, X* y, uint8_t* chosen) {
  const int64_t H = shape.H, W = shape.W, C = shape.C, stride = shape.stride;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / shape.out_H(), top = stride * (row % shape.out_H()) - 1;
    for (int64_t column = 0; column < shape.out_W(); ++column) {
      const int64_t left = stride * column - 1, out = (row * shape.out_W() + column) * C;
      for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
        auto best = hn::Set(d, -std::numeric_limits<float>::infinity()), best_code = hn::Zero(d);
        for (int64_t i = std::max<int64_t>(0, -top); i < 3 && top + i < H; ++i) {
          for (int64_t j = std::max<int64_t>(0, -left); j < 3 && left + j < W; ++j) {
            const auto value = load(d, x + ((image * H + top + i) * W + left + j) * C + c);
            best_code = hn::IfThenElse(hn::Gt(value, best), hn::Set(d, float(3 * i + j)), best_code);
            best = hn::Max(value, best);
          }
        }
        store(d, best, y + out + c);
        if (chosen) store_code(d, best_code, chosen + out + c);
      });
    }
  }
}

template <class X>
void pool_backward(const PoolShape& shape, int64_t begin, int64_t end, const X* dy, const uint8_t* chosen, X* dx) {
  const int64_t H = shape.H, W = shape.W, C = shape.C, out_H = shape.out_H(), out_W = shape.out_W();
  const int64_t stride = shape.stride;
  const auto first_window = [&](int64_t at) { return std::max<int64_t>(0, at - 1 + stride - 1) / stride; };
  for (int64_t row = begin * H; row < end * H; ++row) {
    const int64_t image = row / H, h = row % H;
    for (int64_t w = 0; w < W; ++w) {
      // Pixel (h, w) is in the windows o with stride o - 1 <= h <= stride o + 1: one to three along each axis.
      for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (int64_t p = first_window(h); p <= std::min((h + 1) / stride, out_H - 1); ++p) {
          for (int64_t q = first_window(w); q <= std::min((w + 1) / stride, out_W - 1); ++q) {
            const int64_t out = ((image * out_H + p) * out_W + q) * C + c;
            const auto here = hn::Set(d, float(3 * (h - stride * p + 1) + w - stride * q + 1));
            sum = hn::Add(sum, hn::IfThenElseZero(hn::Eq(load_code(d, chosen + out), here), load(d, dy + out)));
          }
        }
        store(d, sum, dx + (row * W + w) * C + c);
      });
    }
  }
}

// visit(y, above, here, below, left, middle, right): rows of pixels and places in them, in units of X, for each pixel
// of the rows [begin, end). A window's row or column outside the image repeats the one at the edge, which changes no
// maximum.
template <class X, class Visit>
HWY_INLINE void for_windows(const PoolShape& shape, int64_t begin, int64_t end, int64_t pixel, const X* x, X* y,
                            const Visit& visit) {
  const int64_t H = shape.H, W = shape.W, stride = shape.stride;
  y += begin * shape.out_W() * pixel;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / shape.out_H(), middle = stride * (row % shape.out_H());
    const X* const here = x + (image * H + middle) * W * pixel;
    const X* const above = middle > 0 ? here - W * pixel : here;
    const X* const below = middle + 1 < H ? here + W * pixel : here;
    for (int64_t column = 0; column < shape.out_W(); ++column, y += pixel) {
      const int64_t at = stride * column * pixel, left = column > 0 ? at - pixel : at;
      const int64_t right = stride * column + 1 < W ? at + pixel : at;
      visit(y, above, here, below, left, at, right);
    }
  }
}

// Plain loops over words: an OR of nine, usually of one word each.
void pool_words(const PoolShape& shape, int64_t begin, int64_t end, const uint64_t* x, uint64_t* y) {
  const int64_t words = spike_words(shape.C);
  for_windows(shape, begin, end, words, x, y,
              [&](uint64_t* out, const uint64_t* above, const uint64_t* here, const uint64_t* below, int64_t left,
                  int64_t at, int64_t right) HWY_ATTR {
                for (int64_t i = 0; i < words; ++i) {
                  const auto down = [&](int64_t j) { return above[j + i] | here[j + i] | below[j + i]; };
                  out[i] = down(left) | down(at) | down(right);
                }
              });
}

// Bytes come in whole words of 64.
void pool_bytes(const PoolShape& shape, int64_t begin, int64_t end, const uint8_t* x, uint8_t* y) {
  const hn::CappedTag<uint8_t, 64> d;
  const int64_t bytes = 64 * spike_words(shape.C);
  for_windows(shape, begin, end, bytes, x, y,
              [&](uint8_t* out, const uint8_t* above, const uint8_t* here, const uint8_t* below, int64_t left,
                  int64_t at, int64_t right) HWY_ATTR {
                for (int64_t i = 0; i < bytes; i += int64_t(hn::Lanes(d))) {
                  const auto down = [&](int64_t j) HWY_ATTR {
                    return hn::Max(hn::Max(hn::LoadU(d, above + j + i), hn::LoadU(d, here + j + i)),
                                   hn::LoadU(d, below + j + i));
                  };
                  hn::StoreU(hn::Max(hn::Max(down(left), down(at)), down(right)), d, out + i);
                }
              });
}

void pool_rows(const PoolShape& shape, int64_t begin, int64_t end, const float* x, float* y) {
  for_windows(shape, begin, end, shape.C, x, y,
              [&](float* out, const float* above, const float* here, const float* below, int64_t left, int64_t at,
                  int64_t right) HWY_ATTR {
                for_columns(shape.C, [&](auto d, int64_t c) HWY_ATTR {
                  const auto down = [&](int64_t j) HWY_ATTR {
                    return hn::Max(hn::Max(hn::LoadU(d, above + j + c), hn::LoadU(d, here + j + c)),
                                   hn::LoadU(d, below + j + c));
                  };
                  hn::StoreU(hn::Max(hn::Max(down(left), down(at)), down(right)), d, out + c);
                });
              });
}

// Named instances, which HWY_EXPORT requires.
void pool_float(const PoolShape& shape, int64_t begin, int64_t end, const float* x, float* y, uint8_t* chosen) {
  pool(shape, begin * shape.out_H(), end * shape.out_H(), x, y, chosen);
}
void pool_bfloat16(const PoolShape& shape, int64_t begin, int64_t end, const Bfloat16* x, Bfloat16* y,
                   uint8_t* chosen) {
  pool(shape, begin * shape.out_H(), end * shape.out_H(), x, y, chosen);
}
void pool_backward_float(const PoolShape& shape, int64_t begin, int64_t end, const float* dy, const uint8_t* chosen,
                         float* dx) {
  pool_backward(shape, begin, end, dy, chosen, dx);
}
void pool_backward_bfloat16(const PoolShape& shape, int64_t begin, int64_t end, const Bfloat16* dy,
                            const uint8_t* chosen, Bfloat16* dx) {
  pool_backward(shape, begin, end, dy, chosen, dx);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(pool_float);
HWY_EXPORT(pool_bfloat16);
HWY_EXPORT(pool_words);
HWY_EXPORT(pool_bytes);
HWY_EXPORT(pool_rows);
HWY_EXPORT(pool_backward_float);
HWY_EXPORT(pool_backward_bfloat16);

void spike_max_pool(const PoolShape& shape, int64_t begin, int64_t end, const float* x, float* y, uint8_t* chosen) {
  HWY_DYNAMIC_DISPATCH(pool_float)(shape, begin, end, x, y, chosen);
}
void spike_max_pool(const PoolShape& shape, int64_t begin, int64_t end, const Bfloat16* x, Bfloat16* y,
                    uint8_t* chosen) {
  HWY_DYNAMIC_DISPATCH(pool_bfloat16)(shape, begin, end, x, y, chosen);
}
void spike_max_pool(const PoolShape& shape, int64_t begin, int64_t end, const uint64_t* x, uint64_t* y) {
  HWY_DYNAMIC_DISPATCH(pool_words)(shape, begin, end, x, y);
}
void spike_max_pool(const PoolShape& shape, int64_t begin, int64_t end, const uint8_t* x, uint8_t* y) {
  HWY_DYNAMIC_DISPATCH(pool_bytes)(shape, begin, end, x, y);
}
void spike_max_pool(const PoolShape& shape, int64_t begin, int64_t end, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(pool_rows)(shape, begin, end, x, y);
}
void spike_max_pool_backward(const PoolShape& shape, int64_t begin, int64_t end, const float* dy, const uint8_t* chosen,
                             float* dx) {
  HWY_DYNAMIC_DISPATCH(pool_backward_float)(shape, begin, end, dy, chosen, dx);
}
void spike_max_pool_backward(const PoolShape& shape, int64_t begin, int64_t end, const Bfloat16* dy,
                             const uint8_t* chosen, Bfloat16* dx) {
  HWY_DYNAMIC_DISPATCH(pool_backward_bfloat16)(shape, begin, end, dy, chosen, dx);
}

}  // namespace spikemix
#endif
