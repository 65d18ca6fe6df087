// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The type in which matrices of x's type and device are multiplied fastest: x's own, except fp32 for bfloat16 on a
/// processor without bfloat16 products (AVX-512 BF16, Arm's BF16). There LibTorch's bfloat16 products take eight times
/// as long as fp32. The results must be rounded to x's type.
torch::ScalarType multiplied_in(const torch::Tensor& x);

/// The density of a layer's input below which this processor adds up spikes faster than it multiplies matrices of
/// `type`, for a layer with this many outputs: the meaning of train.sparse_below = -1.
double sparse_pays_below(torch::ScalarType type, int64_t outputs);

}  // namespace spikemix
