#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// Max-pool 3x3, stride 2, padding 1 on spikes: x [images, H, W, C] -> y [images, (H + 1) / 2, (W + 1) / 2, C].
struct PoolShape {
  int64_t H, W, C;
  int64_t out_H() const { return (H + 1) / 2; }
  int64_t out_W() const { return (W + 1) / 2; }
};

/// Images [begin, end). `chosen` (like y; null in inference) is where each maximum stood: 3 * row + column in its
/// window. Among equals it is the first, row by row, as PyTorch's max_pool2d has it: the gradient goes there.
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const float* x, float* y, uint8_t* chosen);
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const Bfloat16* x, Bfloat16* y, uint8_t* chosen);

/// The same of packed spikes, an OR: x [images, H, W, words of C]. Rows [begin, end) of images * out_H().
void spike_max_pool(const PoolShape&, int64_t begin, int64_t end, const uint64_t* x, uint64_t* y);

/// dx [images, H, W, C] from dy and `chosen`.
void spike_max_pool_backward(const PoolShape&, int64_t begin, int64_t end, const float* dy, const uint8_t* chosen,
                             float* dx);
void spike_max_pool_backward(const PoolShape&, int64_t begin, int64_t end, const Bfloat16* dy, const uint8_t* chosen,
                             Bfloat16* dx);

}  // namespace spikemix
