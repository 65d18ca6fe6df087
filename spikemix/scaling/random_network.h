// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "spikemix/engine/network.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// Changes the drawn values of a tensor.
using ChangeTensor = std::function<void(const TensorSpec&, std::vector<float>&)>;

/// The network that a card describes, with untrained weights: normal, scaled so that inputs with a share `density` of
/// spikes give sums of deviation 1; batch norms hold the statistics of such sums (for a transform, of its output on
/// such spikes). A neuron sees its norm's `bias` above a mean of 0.
/// @throws InputError as load_network() does
/// @throws InputError as load_network()
std::shared_ptr<const Network> random_network(const ModelCard& card, Precision precision, double density, double bias,
                                              const ChangeTensor& change = {});

/// Random spikes with a share `density` of ones, [rows, words of channels]; bits past the last channel are zero.
std::vector<uint64_t> random_spikes(int64_t rows, int64_t channels, double density, uint64_t index);

}  // namespace spikemix
