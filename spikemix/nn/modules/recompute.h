// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "spikemix/nn/modules/layer.h"
#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// A part of the model, x -> y.
using Part = std::function<torch::Tensor(const torch::Tensor& x, const Pass& pass)>;

/// y = part(x). The graph keeps only x, packed as `values` says; backward computes the part again and differentiates
/// that (activation checkpointing, train.recompute). The bits are those of part(x, pass), gradients included. The
/// second run leaves running statistics alone and reports to no observer and no meter.
///
/// @param parameters  everything that the part learns
torch::Tensor recomputed(const Part& part, const std::vector<torch::Tensor>& parameters, const torch::Tensor& x,
                         Values values, const Pass& pass);

}  // namespace spikemix
