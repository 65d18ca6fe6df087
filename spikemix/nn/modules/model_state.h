// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "spikemix/nn/modules/model.h"

namespace spikemix {

/// Name -> tensor, in the model's own order.
using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// Everything that a model file holds: parameters, running statistics and their counters. The tensors are the model's
/// own, not copies.
NamedTensors model_state(const torch::nn::Module& model);

/// Copies `tensors` into the model. `where` names the file in errors.
///
/// Returns the names of the tensors that published files hold and no computation reads (norm1, norm2, norm, pos_embed):
/// they are skipped.
/// @throws InputError listing every tensor that is missing, unknown or of the wrong shape; the model is then unchanged
std::vector<std::string> load_model_state(torch::nn::Module& model, const NamedTensors& tensors,
                                          const std::string& where);

}  // namespace spikemix
