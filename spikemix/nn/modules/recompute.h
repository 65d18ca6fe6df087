#pragma once

#include <functional>

#include "spikemix/nn/modules/layer.h"
#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// A part of the model, x -> y.
using Part = std::function<torch::Tensor(const torch::Tensor& x, const Pass& pass)>;

/// y = part(x), of which the graph keeps x alone, packed as `values` says: backward computes the part anew and
/// goes through that (activation checkpointing, train.recompute). The same bits as part(x, pass), gradients
/// included; the second time moves no running statistics and tells no observer and no meter.
///
/// @param parameters  all that the part learns
torch::Tensor recomputed(const Part& part, const std::vector<torch::Tensor>& parameters, const torch::Tensor& x,
                         Values values, const Pass& pass);

}  // namespace spikemix
