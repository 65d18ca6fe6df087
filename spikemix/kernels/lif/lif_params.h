#pragma once

#include <optional>

#include "spikemix/config/model_config.h"
#include "spikemix/kernels/lif/lif.h"

namespace spikemix {

/// The constants of a model's neurons; of plif, k is where the learned one starts. With kind "integer", neurons with a
/// threshold of their own (attention's) stay binary: a product of counts is no sum of products of spikes.
/// Kind "relu" is no neuron, but what stands in its place in a network of real values.
/// @param v_threshold  of layers with one of their own (the attention's 0.5)
/// @throws InputError naming the key that is wrong
LifParams lif_params(const NeuronConfig& config, std::optional<double> v_threshold = {});

/// Signed neurons are SWformer's in every model (arXiv 2403.11138, as its code has them): they integrate without a leak
/// and fire 1 from 1 on and -1 from -0.501 on, with a gradient through the reset. The surrogate is the model's. "From 1
/// on" is from 0.99999 on: sums of wavelet coefficients are often 1, give or take a rounding.
/// @throws InputError naming the key that is wrong
LifParams signed_lif_params(const NeuronConfig& config);

}  // namespace spikemix
