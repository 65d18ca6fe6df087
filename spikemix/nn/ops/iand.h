// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// x (1 - y) for spikes x and y of one shape: the spikes of x where y is silent (SEW-ResNet). Keeps both as bits.
torch::Tensor iand(const torch::Tensor& x, const torch::Tensor& y);

}  // namespace spikemix
