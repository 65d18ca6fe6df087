#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/kernels/lif/lif.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// One of the maps that a layer makes side by side, as the kernels read it.
struct PackedPart {
  std::string spikes;  // what its spikes are called, for observers
  /// Batch norm and bias are its scale and shift; identity_norm() where there is no map with weights.
  PackedWeights weights;
  LifParams lif;  // of its neurons
};

/// What a layer of the plan needs to run.
struct NetworkLayer {
  std::vector<PackedPart> parts;
  std::vector<PackedWeights> groups;  // of groups of channels, one each or one for all; norm and bias are the part's
  std::vector<float> depthwise;       // weights of a depthwise convolution, [kernel, kernel, channels]
  std::vector<float> position;        // [tokens, channels]
  std::vector<float> coefficients;    // of a mixer
  std::vector<float> gate;            // GatedTransform::pack()
  PackedWeights identity;             // identity_norm(), for neurons on potentials whose norm is applied already

  /// The weights of a part, or of its first group.
  const PackedWeights& weights_of(size_t part) const { return groups.empty() ? parts[part].weights : groups[0]; }
};

/// What a Network (network.h) runs.
struct PackedNetwork {
  Plan plan;                                  // join_neurons() of what the config describes
  std::vector<NetworkLayer> layers;           // beside plan.layers
  std::vector<float> head_weight, head_bias;  // [classes, D], [classes]
};

/// Neurons that stand alone behind a map whose potentials nobody else reads become the map's own: no potentials are
/// stored between them, and the spikes have the same bits.
/// @returns for each layer what observers call its spikes: the name that joined neurons had, or "" for its parts' names
std::vector<std::string> join_neurons(Plan& plan);

/// How many neurons each part of a layer has: those of token attention are one for each head, those of channel
/// attention one for each channel.
struct NeuronGrid {
  int64_t rows, channels;
};
NeuronGrid neuron_grid(const Plan& plan, const LayerPlan& layer);

}  // namespace spikemix
