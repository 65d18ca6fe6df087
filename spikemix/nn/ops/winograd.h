// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The share of a convolution's multiplications that winograd_gradient() does for dy [images, H, W, out]: at most half,
/// or 1, which means "not by Winograd".
double winograd_share(const torch::Tensor& dy);

/// The input's gradient [images, H, W, C] of a convolution 3x3, stride 1, padding 1, with weight [out, C, 3, 3] rounded
/// as dy is (fp32, or bf16 multiplied in fp32): kernels/winograd. The bits do not depend on the number of threads.
/// @param added  added to every value before rounding
torch::Tensor winograd_gradient(const torch::Tensor& dy, const torch::Tensor& weight, double added);

}  // namespace spikemix
