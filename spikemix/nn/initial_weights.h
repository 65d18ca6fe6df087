#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The published initial values of every "weight" and "bias" of a linear map or convolution (norms, neurons and mixers
/// have theirs from their constructors): matrices from a normal of std 0.02 cut off at +-2, with zero bias;
/// convolutions, those of size 1 included, and their biases from PyTorch's default, uniform in +-1 / sqrt(fan in).
void draw_initial_weights(torch::nn::Module& model, uint64_t seed);

}  // namespace spikemix
