// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/kernels/lif/lif.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// One of the maps that a layer computes side by side, in the kernels' layout.
struct PackedPart {
  std::string spikes;  // the name of its spikes, for observers
  /// Scale and shift hold batch norm and bias; identity_norm() if there is no map with weights.
  PackedWeights weights;
  LifParams lif;  // the neurons' constants
};

/// What a layer of the plan needs to run.
struct NetworkLayer {
  std::vector<PackedPart> parts;
  std::vector<PackedWeights> groups;  // for groups of channels, one each or one for all; norm and bias are the part's
  std::vector<float> depthwise;       // weights of a depthwise convolution, [kernel, kernel, channels]
  std::vector<float> position;        // [tokens, channels]
  std::vector<float> coefficients;    // a mixer's
  std::vector<float> gate;            // GatedTransform::pack()
  PackedWeights identity;             // identity_norm(), for neurons on potentials that are already normalised

  /// The weights of a part, or of its first group.
  const PackedWeights& weights_of(size_t part) const { return groups.empty() ? parts[part].weights : groups[0]; }
};

/// What a Network (network.h) runs.
struct PackedNetwork {
  Plan plan;                                  // join_neurons() of the plan that the config describes
  std::vector<NetworkLayer> layers;           // parallel to plan.layers
  std::vector<float> head_weight, head_bias;  // [classes, D], [classes]
};

/// Neurons alone after a map whose potentials nobody else reads become the map's own: no potentials are stored between
/// them, and the spikes have the same bits.
/// @returns for each layer the name of its spikes for observers: that of the joined neurons, or "" for its parts' names
std::vector<std::string> join_neurons(Plan& plan);

/// The number of neurons in each part of a layer: token attention has one for each head, channel attention one for each
/// channel.
struct NeuronGrid {
  int64_t rows, channels;
};
NeuronGrid neuron_grid(const Plan& plan, const LayerPlan& layer);

}  // namespace spikemix
