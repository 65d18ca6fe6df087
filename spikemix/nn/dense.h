#pragma once

#include <torch/torch.h>

#include "spikemix/nn/packed.h"

namespace spikemix {

/// The model's matrix products. They compute in x's type (the weights are rounded to it if it is bf16) and differ from
/// torch::linear and torch::conv2d in what they keep for backward: x packed, as `values` says. No bias: see Norm.

/// x [..., in] -> [..., out]; weight [out, in].
torch::Tensor spike_linear(const torch::Tensor& x, const torch::Tensor& weight, Values values);

/// 3x3, padding 1, channels last: x [..., H, W, in] -> [..., H, W, out]; weight [out, in, 3, 3].
torch::Tensor spike_conv(const torch::Tensor& x, const torch::Tensor& weight, Values values);

}  // namespace spikemix
