// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// Max-pool 3x3, padding 1, stride 1 or 2, channels last: [..., H, W, C] -> [..., ceil(H / stride), ceil(W / stride),
/// C], for spikes, counts or real values. Keeps one byte for each output value. If a maximum occurs several times, its
/// gradient goes to the first place, as in torch::max_pool2d.
torch::Tensor max_pool(const torch::Tensor& x, int64_t stride);

}  // namespace spikemix
