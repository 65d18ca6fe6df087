#pragma once

#include <string>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// Initial values of a map's weight and bias (which may be undefined): the published ones. Matrices from a normal of
/// std 0.02 cut off at +-2, with zero bias; convolutions, those of size 1 included, and their biases from PyTorch's
/// default, uniform in +-1 / sqrt(fan in). They depend on the seed, the tensor's name and its shape alone.
void draw_weight(const torch::Tensor& weight, const std::string& name, uint64_t seed);
/// @param weight  of the same map
void draw_bias(const torch::Tensor& bias, const std::string& name, const torch::Tensor& weight, uint64_t seed);
/// Of a learned position: a normal of std 0.02, cut off at +-2.
void draw_position(const torch::Tensor& position, const std::string& name, uint64_t seed);

/// Of a mixer's gates: the same, as GFNet draws them. All ones would start the branch as the identity, and learn less
/// in the same steps (docs/paper.md).
void draw_gate(const torch::Tensor& gate, const std::string& name, uint64_t seed);

}  // namespace spikemix
