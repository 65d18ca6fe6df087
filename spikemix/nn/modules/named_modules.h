// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// Registers a tensor under a full dotted name, "block.0.mlp.fc1_linear.weight", as a parameter, or as a buffer if it
/// is not learned. Creates the modules on the way.
torch::Tensor register_tensor_as(torch::nn::Module& root, const std::string& name, const torch::Tensor& value,
                                 bool learned = true);

/// Registers a module under a full dotted name.
void register_module_as(torch::nn::Module& root, const std::string& name, std::shared_ptr<torch::nn::Module> module);

}  // namespace spikemix
