// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/ops/neuron_passes.h"
#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// Products that read only the spikes (kernels/spike_product), on the CPU. In fp32 they differ from torch's in the
/// order of sums. With bf16 activations, weights and dY are rounded to 14 bits of their channel's largest value, where
/// bf16 keeps 8 bits of each. The bits do not depend on the number of threads.

/// The images that make up a convolution's rows: [images, height, width].
struct PixelGrid {
  int64_t images, height, width;
};

/// y [rows, out] = x W'. x: spikes or counts, [rows, in]
/// @param weight_t  [in, out] in fp32
/// @param type      of y
torch::Tensor sparse_linear(const Packed& x, const torch::Tensor& weight_t, torch::ScalarType type, Moments& moments);
/// x: spikes or counts, [pixels, in]; weight_t [9 in, out], kernel position 3 ky + kx first
torch::Tensor sparse_conv(const Packed& x, const PixelGrid& grid, const torch::Tensor& weight_t, torch::ScalarType type,
                          Moments& moments);

/// dW [in, out] in fp32; dy [rows, out]
torch::Tensor sparse_linear_gradient(const Packed& x, const torch::Tensor& dy);
/// dW [9 in, out] in fp32; dy [pixels, out]
torch::Tensor sparse_conv_gradient(const Packed& x, const PixelGrid& grid, const torch::Tensor& dy);

}  // namespace spikemix
