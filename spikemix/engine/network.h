#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/core/model_card.h"
#include "spikemix/engine/precision.h"
#include "spikemix/kernels/spike_product/spike_product.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

/// A linear map and the neurons behind it, with batch norm and biases in the map's scale and shift.
struct SpikingMap {
  std::string name;  // of the layer: "block.0.mlp.fc1"
  PackedWeights weights;
  LifParams lif;
};

/// A convolution of the stem, on [height, width, C] inputs.
struct StemLayer {
  SpikingMap map;
  int64_t height, width, C;
  bool pool;  // a 3x3 stride-2 max-pool follows
};

/// A linear token mixer (mixer.h) and the neurons behind it.
struct MixingLayer {
  std::string name;
  std::unique_ptr<const Mixer> mixer;
  std::vector<float> coefficients;
  PackedWeights norm;
  LifParams lif;
};

struct AttentionLayer {
  std::string name;  // of the product: "block.0.attn.attn"
  SpikingMap q, k, v, projection;
  PackedWeights norm;  // scale of the attention product, no shift
  LifParams lif;
  int64_t heads;
};

struct NetworkBlock {
  std::unique_ptr<MixingLayer> mixing;  // one of the two
  std::unique_ptr<AttentionLayer> attention;
  SpikingMap fc1, fc2;
  int64_t max_input = 0;  // largest value of the residual stream in front of the block
};

/// A trained Spikformer as the engine runs it. Immutable: any number of sessions (session.h) share one.
struct Network {
  ModelCard card;
  Precision precision = Precision::kFp32;
  std::vector<StemLayer> stem;  // the four convolutions
  SpikingMap relative_position;
  std::vector<NetworkBlock> blocks;
  std::vector<float> head_weight, head_bias;  // [classes, D], [classes]

  int64_t tokens() const { return card.model.tokens(); }
  int64_t channels() const { return card.model.embed_dim; }
};

/// Largest value of the residual stream in front of a block: one spike from the stem, one from the relative position,
/// and at most one from each half of the blocks before.
constexpr int64_t largest_count(int64_t block) { return 2 + 2 * block; }
/// Largest value that an input of this weight can have: 1 for spikes. "block.1.mlp.fc1_linear.weight": 5.
int64_t largest_input(const std::string& weight);

/// One layer of neurons as all of them have it: what stands in front of them, how many rows (pixels or tokens) and
/// channels.
struct NetworkLayer {
  const std::string& name;
  const LifParams& lif;
  int64_t rows, channels;
  const PackedWeights* weights;  // nullptr: a linear mixer, or the attention product
  bool attention;                // the latter
};

/// visit(NetworkLayer) for each layer, in the order of the forward pass.
template <class Visit>
void for_layers(const Network& network, const Visit& visit) {
  const int64_t N = network.tokens(), D = network.channels();
  const auto map = [&](const SpikingMap& m, int64_t rows) {
    visit(NetworkLayer{m.name, m.lif, rows, m.weights.out, &m.weights, false});
  };
  for (const StemLayer& layer : network.stem) map(layer.map, layer.height * layer.width);
  map(network.relative_position, N);
  for (const NetworkBlock& block : network.blocks) {
    if (block.mixing) {
      visit(NetworkLayer{block.mixing->name, block.mixing->lif, N, D, nullptr, false});
    } else {
      const AttentionLayer& a = *block.attention;
      map(a.q, N), map(a.k, N), map(a.v, N);
      visit(NetworkLayer{a.name, a.lif, N, D, nullptr, true});
      map(a.projection, N);
    }
    map(block.fc1, N);
    map(block.fc2, N);
  }
}

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
