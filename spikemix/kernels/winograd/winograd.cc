// SPDX-License-Identifier: MIT
#include "spikemix/kernels/winograd/winograd.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/winograd/winograd.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// G of the paper along one axis: three weights, `stride` values apart, at six points.
template <class D>
HWY_INLINE void weights_to_points(D d, const float* w, float* points, size_t stride) {
  const auto w0 = hn::Load(d, w), w1 = hn::Load(d, w + stride), w2 = hn::Load(d, w + 2 * stride);
  const auto even = hn::Mul(hn::Set(d, -1 / 6.f), hn::Add(w0, w2)), odd = hn::Mul(hn::Set(d, 1 / 6.f), w1);
  const auto even2 = hn::MulAdd(hn::Set(d, 1 / 24.f), w0, hn::Mul(hn::Set(d, 1 / 6.f), w2)),
             odd2 = hn::Mul(hn::Set(d, 1 / 12.f), w1);
  hn::Store(hn::Mul(hn::Set(d, 1 / 4.f), w0), d, points);
  hn::Store(hn::Sub(even, odd), d, points + stride);
  hn::Store(hn::Add(even, odd), d, points + 2 * stride);
  hn::Store(hn::Add(even2, odd2), d, points + 3 * stride);
  hn::Store(hn::Sub(even2, odd2), d, points + 4 * stride);
  hn::Store(w2, d, points + 5 * stride);
}

// B^T along one axis: six values, `stride` vectors apart.
template <class D>
HWY_INLINE void to_points(D d, const float* x, float* points, size_t stride) {
  const auto x0 = hn::Load(d, x), x1 = hn::Load(d, x + stride), x2 = hn::Load(d, x + 2 * stride),
             x3 = hn::Load(d, x + 3 * stride), x4 = hn::Load(d, x + 4 * stride), x5 = hn::Load(d, x + 5 * stride);
  const auto four = hn::Set(d, 4), five = hn::Set(d, 5);
  const auto even = hn::NegMulAdd(four, x2, x4), odd = hn::NegMulAdd(four, x1, x3);
  const auto twice = hn::Sub(x3, x1), even2 = hn::Sub(x4, x2), odd2 = hn::Add(twice, twice);
  hn::Store(hn::MulAdd(four, x0, hn::NegMulAdd(five, x2, x4)), d, points);
  hn::Store(hn::Add(even, odd), d, points + stride);
  hn::Store(hn::Sub(even, odd), d, points + 2 * stride);
  hn::Store(hn::Add(even2, odd2), d, points + 3 * stride);
  hn::Store(hn::Sub(even2, odd2), d, points + 4 * stride);
  hn::Store(hn::MulAdd(four, x1, hn::NegMulAdd(five, x3, x5)), d, points + 5 * stride);
}

// A^T along one axis: four values.
template <class D>
HWY_INLINE void from_points(D d, const float* points, float* y, size_t stride) {
  const auto p1 = hn::Load(d, points + stride), p2 = hn::Load(d, points + 2 * stride),
             p3 = hn::Load(d, points + 3 * stride), p4 = hn::Load(d, points + 4 * stride);
  const auto even = hn::Add(p1, p2), odd = hn::Sub(p1, p2), even2 = hn::Add(p3, p4), odd2 = hn::Sub(p3, p4);
  hn::Store(hn::Add(hn::Load(d, points), hn::Add(even, even2)), d, y);
  hn::Store(hn::MulAdd(hn::Set(d, 2), odd2, odd), d, y + stride);
  hn::Store(hn::MulAdd(hn::Set(d, 4), even2, even), d, y + 2 * stride);
  hn::Store(hn::MulAdd(hn::Set(d, 8), odd2, hn::Add(odd, hn::Load(d, points + 5 * stride))), d, y + 3 * stride);
}

void weights(int64_t begin, int64_t end, const float* w, int64_t next_point, float* points) {
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float taps[9 * kLanes], half[18 * kLanes], values[36 * kLanes];
  for_columns(end - begin, [&](auto d, int64_t at) HWY_ATTR {
    const float* kernels = w + (begin + at) * 9;
    for (size_t lane = 0; lane < hn::Lanes(d); ++lane)
      for (size_t k = 0; k < 9; ++k) taps[k * kLanes + lane] = kernels[9 * lane + 8 - k];
    for (size_t j = 0; j < 3; ++j) weights_to_points(d, taps + j * kLanes, half + j * kLanes, 3 * kLanes);
    for (size_t i = 0; i < 6; ++i) weights_to_points(d, half + 3 * i * kLanes, values + 6 * i * kLanes, kLanes);
    for (int64_t k = 0; k < 36; ++k)
      store(d, hn::Load(d, values + size_t(k) * kLanes), points + k * next_point + begin + at);
  });
}

// The first pixel of a tile's outputs.
struct Corner {
  Corner(const WinogradTiles& tiles, int64_t tile)
      : image(tile / tiles.of_image()),
        row(tile % tiles.of_image() / tiles.columns() * 4),
        column(tile % tiles.columns() * 4) {}
  int64_t image, row, column;
};

template <class X>
void inputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const X* x, float* points) {
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float pixels[36 * kLanes], half[36 * kLanes];
  const int64_t H = tiles.H, W = tiles.W, next_point = (end - begin) * C;
  for (int64_t tile = begin; tile < end; ++tile) {
    const Corner corner(tiles, tile);
    const int64_t top = corner.row - 1, left = corner.column - 1;
    const X* image = x + corner.image * H * W * C;
    float* out = points + (tile - begin) * C;
    for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
      for (int64_t i = 0; i < 6; ++i) {
        const bool inside = top + i >= 0 && top + i < H;
        for (int64_t j = 0; j < 6; ++j) {
          const bool here = inside && left + j >= 0 && left + j < W;
          const auto value = here ? load(d, image + ((top + i) * W + left + j) * C + c) : hn::Zero(d);
          hn::Store(value, d, pixels + size_t(6 * i + j) * kLanes);
        }
      }
      for (size_t j = 0; j < 6; ++j) to_points(d, pixels + j * kLanes, half + j * kLanes, 6 * kLanes);
      for (size_t i = 0; i < 6; ++i) to_points(d, half + 6 * i * kLanes, pixels + 6 * i * kLanes, kLanes);
      for (int64_t k = 0; k < 36; ++k) store(d, hn::Load(d, pixels + size_t(k) * kLanes), out + k * next_point + c);
    });
  }
}

template <class Y>
void outputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* points, Y* y) {
  constexpr size_t kLanes = HWY_MAX_BYTES / sizeof(float);
  HWY_ALIGN float values[36 * kLanes], half[24 * kLanes], pixels[16 * kLanes];
  const int64_t H = tiles.H, W = tiles.W, next_point = (end - begin) * C;
  for (int64_t tile = begin; tile < end; ++tile) {
    const Corner corner(tiles, tile);
    const int64_t rows = std::min<int64_t>(4, H - corner.row), columns = std::min<int64_t>(4, W - corner.column);
    Y* first = y + ((corner.image * H + corner.row) * W + corner.column) * C;
    const float* in = points + (tile - begin) * C;
    for_columns(C, [&](auto d, int64_t c) HWY_ATTR {
      for (int64_t k = 0; k < 36; ++k) hn::Store(load(d, in + k * next_point + c), d, values + size_t(k) * kLanes);
      for (size_t j = 0; j < 6; ++j) from_points(d, values + j * kLanes, half + j * kLanes, 6 * kLanes);
      for (size_t i = 0; i < 4; ++i) from_points(d, half + 6 * i * kLanes, pixels + 4 * i * kLanes, kLanes);
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          store(d, hn::Load(d, pixels + size_t(4 * i + j) * kLanes), first + (i * W + j) * C + c);
    });
  }
}

// Named instances, which HWY_EXPORT requires.
void inputs_float(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* x, float* points) {
  inputs(tiles, C, begin, end, x, points);
}
void inputs_bfloat16(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const Bfloat16* x,
                     float* points) {
  inputs(tiles, C, begin, end, x, points);
}
void outputs_float(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* points, float* y) {
  outputs(tiles, C, begin, end, points, y);
}
void outputs_bfloat16(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* points,
                      Bfloat16* y) {
  outputs(tiles, C, begin, end, points, y);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(weights);
HWY_EXPORT(inputs_float);
HWY_EXPORT(inputs_bfloat16);
HWY_EXPORT(outputs_float);
HWY_EXPORT(outputs_bfloat16);

void winograd_weights(int64_t begin, int64_t end, const float* w, int64_t stride, float* points) {
  HWY_DYNAMIC_DISPATCH(weights)(begin, end, w, stride, points);
}
void winograd_inputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* x, float* points) {
  HWY_DYNAMIC_DISPATCH(inputs_float)(tiles, C, begin, end, x, points);
}
void winograd_inputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const Bfloat16* x,
                     float* points) {
  HWY_DYNAMIC_DISPATCH(inputs_bfloat16)(tiles, C, begin, end, x, points);
}
void winograd_outputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* points,
                      float* y) {
  HWY_DYNAMIC_DISPATCH(outputs_float)(tiles, C, begin, end, points, y);
}
void winograd_outputs(const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, const float* points,
                      Bfloat16* y) {
  HWY_DYNAMIC_DISPATCH(outputs_bfloat16)(tiles, C, begin, end, points, y);
}

}  // namespace spikemix
#endif
