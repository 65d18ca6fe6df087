// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "spikemix/engine/network.h"

namespace spikemix {

/// The effect of integer weights on one layer. A layer without neurons is measured in the stream that its potentials
/// are added to, which is what the next neurons see.
struct LayerChange {
  std::string layer;  // "block.0.mlp.fc1"
  bool fires = true;
  int64_t spikes = 0;                // of the exact network
  int64_t changed = 0;               // spikes that appeared or disappeared
  double potentials = 0, error = 0;  // without neurons: sums of the magnitudes and of the errors

  /// The share of spikes that changed, or the relative error of the potentials.
  double share() const {
    if (!fires) return potentials > 0 ? error / potentials : error > 0;
    return spikes > 0 ? double(changed) / double(spikes) : changed > 0;
  }
};

/// Runs both networks on the same inputs, [images, Session::input_size()]. Each integer layer reads the spikes and
/// potentials of the exact network, so that only its own error is measured. In the order of the forward pass; layers
/// without integer weights are left out.
std::vector<LayerChange> measure_changes(std::shared_ptr<const Network> exact, std::shared_ptr<const Network> integer,
                                         int64_t images, const float* inputs);

/// The layers that changed by more than `tolerance`: they need all 8 bits (export_model()).
std::set<std::string> wide_layers(const std::vector<LayerChange>& changes, double tolerance);

}  // namespace spikemix
