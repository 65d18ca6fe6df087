// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// Max-pool 3x3, padding 1: x [images, H, W, C] -> y [images, out_H, out_W, C]; stride 2 gives (H + 1) / 2 rows.
struct PoolShape {
  int64_t H, W, C;
  int64_t stride = 2;  // or 1
  int64_t out_H() const { return (H + stride - 1) / stride; }
  int64_t out_W() const { return (W + stride - 1) / stride; }
};

/// Images [begin, end). `chosen` (shaped like y; null in inference) records each maximum's place in its window: 3 * row
/// + column. Among equals it is the first, row by row, as in PyTorch's max_pool2d: the gradient goes there.
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const float* x, float* y, uint8_t* chosen);
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const Bfloat16* x, Bfloat16* y, uint8_t* chosen);

/// The same for packed spikes, an OR: x [images, H, W, words of C]. Rows [begin, end) of images * out_H().
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const uint64_t* x, uint64_t* y);
/// And for counts and real values, by rows of images * out_H() as well.
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const uint8_t* x, uint8_t* y);
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const float* x, float* y);

/// dx [images, H, W, C] from dy and `chosen`.
void spike_max_pool_backward(const PoolShape&, int64_t begin, int64_t end, const float* dy, const uint8_t* chosen,
                             float* dx);
void spike_max_pool_backward(const PoolShape&, int64_t begin, int64_t end, const Bfloat16* dy, const uint8_t* chosen,
                             Bfloat16* dx);

}  // namespace spikemix
