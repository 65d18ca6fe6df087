// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// Fills a map's weight and bias (which may be undefined) with the published initial values. Matrices: a normal of std
/// 0.02 cut off at +-2, and zero bias. Convolutions, including those of size 1, and their biases: PyTorch's default,
/// uniform in +-1 / sqrt(fan in). The values depend only on the seed, the tensor's name and its shape.
void draw_weight(const torch::Tensor& weight, const std::string& name, uint64_t seed);
/// @param weight  of the same map
void draw_bias(const torch::Tensor& bias, const std::string& name, const torch::Tensor& weight, uint64_t seed);
/// Fills a learned position: a normal of std 0.02, cut off at +-2.
void draw_position(const torch::Tensor& position, const std::string& name, uint64_t seed);

/// Fills a mixer's gates with the same distribution, as GFNet does. All ones would start the branch as the identity,
/// and it would learn less in the same number of steps (docs/paper.md).
void draw_gate(const torch::Tensor& gate, const std::string& name, uint64_t seed);

}  // namespace spikemix
