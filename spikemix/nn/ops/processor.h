#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The type in which matrices that lie where x does, and in its type, are best multiplied: x's own, but fp32 for
/// bfloat16 on a processor that cannot multiply it (AVX-512 BF16, Arm's BF16). LibTorch's products of it take eight
/// times as long there as those of fp32. What they make is to be rounded to x's type.
torch::ScalarType multiplied_in(const torch::Tensor& x);

/// The share of ones in a layer's input below which this processor adds up spikes faster than it multiplies matrices of
/// `type`, in a layer of so many outputs: what train.sparse_below = -1 stands for.
double sparse_pays_below(torch::ScalarType type, int64_t outputs);

}  // namespace spikemix
