#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// The two passes of batch norm that lie around a layer's neurons (lif.h has the rest). Rows are [rows, C], channels
/// last.

/// Adds, for each channel, the sums over the rows of (x - pivot) and (x - pivot)^2 to `sum` and `sum_squares`. A pivot
/// near the mean (any row of x) keeps the variance exact where the mean is large against it.
void channel_moments(int64_t rows, int64_t C, const float* x, const float* pivot, float* sum, float* sum_squares);
void channel_moments(int64_t rows, int64_t C, const Bfloat16* x, const float* pivot, float* sum, float* sum_squares);

/// dz = a dz + b (x - mean) + c: from the gradient of batch norm's output to that of its input, in place.
void batch_norm_backward(int64_t rows, int64_t C, const float* x, const float* mean, const float* a, const float* b,
                         const float* c, float* dz);
void batch_norm_backward(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, Bfloat16* dz);

}  // namespace spikemix
