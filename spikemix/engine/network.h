#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/engine/precision.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/kernels/lif/lif.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// One of the maps that a layer makes side by side, as the kernels read it.
struct PackedPart {
  std::string spikes;  // what its spikes are called, for observers
  /// Batch norm and bias are its scale and shift; no_weights() where the map has none.
  PackedWeights weights;
  LifParams lif;  // of its neurons
};

/// What a layer of the plan needs to run.
struct NetworkLayer {
  std::vector<PackedPart> parts;
  std::vector<float> taps;          // of a depthwise convolution, [kernel, kernel, channels]
  std::vector<float> position;      // [tokens, channels]
  std::vector<float> coefficients;  // of a mixer
  std::vector<float> gate;          // GatedTransform::pack()
  PackedWeights plain;              // scale 1 and shift 0, for neurons on potentials whose norm is applied already
};

/// A trained network as the engine runs it. Immutable: any number of sessions (session.h) share one.
struct Network {
  ModelCard card;
  Precision precision = Precision::kFp32;
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

/// Reads and packs a model.safetensors: trained weights, packed at this precision, or a file of `spikemix export`,
/// which says its own. Nothing in the file is trusted: sizes, shapes and types are checked before use, and nothing
/// larger than the file's own tensors is allocated for its weights.
///
/// @param precision  of trained weights; ignored (and may be any) where the file's weights are integers
/// @throws InputError naming the file and every tensor that is missing, unknown or of the wrong shape
std::shared_ptr<const Network> load_network(const std::filesystem::path& file, Precision precision);
/// The same from bytes in memory, which are copied; `where` names them in errors.
std::shared_ptr<const Network> load_network(std::span<const std::byte> bytes, const std::string& where,
                                            Precision precision);

}  // namespace spikemix
