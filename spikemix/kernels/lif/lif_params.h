// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "spikemix/config/model_config.h"
#include "spikemix/kernels/lif/lif.h"

namespace spikemix {

/// The constants of a model's neurons; for plif, k is the start of the learned one. With kind "integer", neurons with a
/// threshold of their own (attention's) stay binary: a product of counts is not a sum of products of spikes. Kind
/// "relu" is not a neuron, but replaces neurons in a network of real values.
/// @param v_threshold  for layers with a threshold of their own (attention's 0.5)
/// @throws InputError naming the key that is wrong
LifParams lif_params(const NeuronConfig& config, std::optional<double> v_threshold = {});

/// Signed neurons are SWformer's in every model (arXiv 2403.11138, as in its code): they integrate without a leak and
/// fire 1 if v >= 1 and -1 if v <= -0.501, with a gradient through the reset. The surrogate is the model's. The upper
/// threshold is really 0.99999: sums of wavelet coefficients are often 1, up to rounding.
/// @throws InputError naming the key that is wrong
LifParams signed_lif_params(const NeuronConfig& config);

}  // namespace spikemix
