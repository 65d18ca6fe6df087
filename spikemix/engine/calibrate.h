#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "spikemix/engine/network.h"

namespace spikemix {

/// What integer weights do to one layer.
struct LayerChange {
  std::string layer;    // "block.0.mlp.fc1"
  int64_t spikes = 0;   // of the exact network
  int64_t changed = 0;  // spikes that came or went

  double share() const { return spikes > 0 ? double(changed) / double(spikes) : changed > 0; }
};

/// Runs both networks on the same inputs, [images, Session::input_size()]; each integer layer is fed with the spikes of
/// the exact network, so that what differs is its own doing. In the order of the forward pass; layers without integer
/// weights are left out.
std::vector<LayerChange> measure_changes(std::shared_ptr<const Network> exact, std::shared_ptr<const Network> integer,
                                         int64_t images, const float* inputs);

/// The layers of which more than `tolerance` of the spikes changed: they want all 8 bits (export_model()).
std::set<std::string> wide_layers(const std::vector<LayerChange>& changes, double tolerance);

}  // namespace spikemix
