#pragma once

#include <optional>

#include "spikemix/config/model_config.h"
#include "spikemix/kernels/lif/lif.h"

namespace spikemix {

/// The constants of a model's neurons; of plif, k is where the learned one starts. With kind "integer", neurons with a
/// threshold of their own (attention's) stay binary: a product of counts is no sum of products of spikes.
/// @param v_threshold  of layers with one of their own (the attention's 0.5)
/// @throws InputError naming the key that is wrong
LifParams lif_params(const NeuronConfig& config, std::optional<double> v_threshold = {});

}  // namespace spikemix
