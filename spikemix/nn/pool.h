#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// Max-pool 3x3, stride 2, padding 1, channels last: spikes [..., H, W, C] -> [..., (H + 1) / 2, (W + 1) / 2, C].
/// Keeps one byte for each output value; the gradient of a maximum that stands several times goes to its first place,
/// as in torch::max_pool2d.
torch::Tensor spike_max_pool(const torch::Tensor& x);

}  // namespace spikemix
