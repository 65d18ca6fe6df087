// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The additions that spikes cause in a network, as shares of the dense network's multiply-adds: sums over the layers
/// with weights that read spikes or counts, each weighted by its fan-out (spike_shares()), of the mean over images,
/// time steps and inputs of the value that each member names.
struct SpikeUse {
  double operations = 0;  // the count: n is n rounds of spikes, so counts may make it more than 1
  double density = 0;     // whether the count is not 0
};

/// Adds up the SpikeUse of one forward pass, on the device that the pass runs on.
class SpikeMeter {
 public:
  void begin() { sum_.reset(); }
  /// @param share  the layer's share (spike_shares())
  /// @param means  Product::means
  void add(double share, const torch::Tensor& means);
  SpikeUse use() const;

 private:
  torch::Tensor sum_;  // [2] in double
};

}  // namespace spikemix
