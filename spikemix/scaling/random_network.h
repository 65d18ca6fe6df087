#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "spikemix/engine/network.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// Changes what a tensor was drawn as.
using ChangeTensor = std::function<void(const TensorSpec&, std::vector<float>&)>;

/// The network that a card describes, with weights that nobody trained: normal, so that inputs of which a share
/// `density` spikes make sums of deviation 1, and batch norms that hold the statistics of such sums (of a transform's,
/// those that it makes of such spikes). What a neuron sees is its norm's `bias` above a mean of 0.
/// @throws InputError as load_network()
std::shared_ptr<const Network> random_network(const ModelCard& card, Precision precision, double density, double bias,
                                              const ChangeTensor& change = {});

/// Spikes of which a share `density` is there, [rows, words of channels], the bits behind the last channel zero.
std::vector<uint64_t> random_spikes(int64_t rows, int64_t channels, double density, uint64_t index);

}  // namespace spikemix
