// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// The passes of batch norm: two around a layer's neurons (lif.h has the rest), and two more for a layer without
/// neurons. Rows are [rows, C], channels last.

/// For each channel, adds the sums over the rows of (x - pivot) and (x - pivot)^2 to `sum` and `sum_squares`. A pivot
/// near the mean (any row of x) keeps the variance exact if the mean is much larger.
void channel_moments(int64_t rows, int64_t C, const float* x, const float* pivot, float* sum, float* sum_squares);
void channel_moments(int64_t rows, int64_t C, const Bfloat16* x, const float* pivot, float* sum, float* sum_squares);

/// z = scale x + shift + residual; residual may be null.
void batch_norm_forward(int64_t rows, int64_t C, const float* x, const float* scale, const float* shift,
                        const float* residual, float* z);
void batch_norm_forward(int64_t rows, int64_t C, const Bfloat16* x, const float* scale, const float* shift,
                        const float* residual, float* z);

/// For each channel, adds the sums over the rows of dz and of dz (x - mean).
void batch_norm_sums(int64_t rows, int64_t C, const float* x, const float* mean, const float* dz, float* sum,
                     float* sum_x);
void batch_norm_sums(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* dz, float* sum,
                     float* sum_x);

/// dx = a dz + b (x - mean) + c: the gradient of batch norm's input from that of its output; both may be in the same
/// place.
void batch_norm_backward(int64_t rows, int64_t C, const float* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, float* dx);
void batch_norm_backward(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, const float* dz, Bfloat16* dx);
void batch_norm_backward(int64_t rows, int64_t C, const Bfloat16* x, const float* mean, const float* a, const float* b,
                         const float* c, const Bfloat16* dz, Bfloat16* dx);

}  // namespace spikemix
