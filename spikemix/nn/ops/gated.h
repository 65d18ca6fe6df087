// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "spikemix/mixers/gated.h"
#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// y = T^-1 (k * T x), with the gradients of x and k: by the kernels on CPUs, by Torch's own operations elsewhere.
/// Computed in float (double for doubles); bfloat16 is read and written as such. The same bits for any number of
/// threads.
/// @param x       [T, B, N, D] float, double or bfloat16; `values` says how it is kept for backward
/// @param gate    the gate's tensor, GatedTransform::gate_shape()
torch::Tensor gated(const std::shared_ptr<const GatedTransform>& transform, const torch::Tensor& x,
                    const torch::Tensor& gate, Values values);

/// The same by Torch's operations on any device, which are differentiable themselves.
torch::Tensor gated_by_torch(const GatedTransform& transform, const torch::Tensor& x, const torch::Tensor& gate);

}  // namespace spikemix
