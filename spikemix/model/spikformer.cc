// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/mixers/add_mixer.h"
#include "spikemix/model/blocks.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

using Fires = PlanBuilder::Fires;

/// Spiking patch splitting: Spikformer, section 3.2; names as in cifar10/model.py.
class Stem {
 public:
  Stem(PlanBuilder& plan, Stream stream) : plan_(plan), m_(plan.model()), stream_(stream) {}

  // @returns the tokens
  int64_t add() {
    const int64_t x = plan_.input(), D = m_.embed_dim;
    plan_.begin_segment("patch_embed");
    const std::vector<int64_t>& pool = m_.pool;
    if (m_.stem == "conv1") return patches(x);
    if (m_.stem == "conv2") {
      // As many pools as in the stem of four convolutions, and therefore the same tokens.
      int64_t pools = 0;
      for (const int64_t there : pool) pools += there;
      return position(convolution(convolution(x, 0, D / 4, (pools + 1) / 2, false), 1, D, pools / 2, true));
    }
    const std::vector<int64_t> channels = m_.convolutions();
    int64_t y = x;
    for (size_t i = 0; i < channels.size(); ++i) {
      y = convolution(y, int64_t(i), channels[i], pool[i], i + 1 == channels.size());
    }
    return position(y);
  }

 private:
  static MapNames names(const std::string& kind, const std::string& number) {
    const std::string name = "patch_embed." + kind;
    return {.name = name + "_conv" + number,
            .weight = name + "_conv" + number,
            .norm = name + "_bn" + number,
            .neuron = name + "_lif" + number};
  }

  // In a membrane stream the last convolution has no neurons: they come before the relative position embedding.
  int64_t convolution(int64_t x, int64_t index, int64_t channels, int64_t pools, bool last) {
    const MapNames map = names("proj", index == 0 ? "" : std::to_string(index));
    const bool open = last && stream_ == Stream::kMembrane, pool_first = m_.pool_before_neuron && pools > 0;
    int64_t y = plan_.convolution(x, map, Window(), channels, open || pool_first ? Fires::kNo : Fires::kYes);
    for (int64_t i = 0; i < pools; ++i) y = plan_.max_pool(y, fmt::format("{}.pool{}", map.name, i), kHalvingPool);
    if (pool_first && !open) y = plan_.neurons(y, map.neuron, map.neuron);
    if (open) before_position_ = map.neuron;
    return y;
  }

  int64_t position(int64_t x) {
    int64_t y = x;
    if (stream_ == Stream::kMembrane) y = plan_.neurons(x, before_position_, before_position_);
    y = plan_.convolution(y, names("rpe", ""), Window(), m_.embed_dim,
                          stream_ == Stream::kMembrane ? Fires::kNo : Fires::kYes);
    return plan_.merge(x, y, stream_ == Stream::kIand ? Merge::kIand : Merge::kAdd);
  }

  // ViT's patches. The learned position is added before the neurons, so that the stream holds spikes.
  int64_t patches(int64_t x) {
    int64_t side = m_.patch;
    if (side == 0) {
      side = 1;
      for (const int64_t there : m_.pool) side *= there ? 2 : 1;
    }
    if (m_.height % side != 0 || m_.width % side != 0) {
      throw input_error("model.patch = {}: expected a divisor of model.height = {} and model.width = {}", side,
                        m_.height, m_.width);
    }
    MapNames map = names("proj", "");
    map.bias = true;
    const Window window{.kernel = side, .stride = side, .padding = 0};
    const int64_t y = plan_.convolution(x, map, window, m_.embed_dim, Fires::kNo);
    return plan_.add_position(y, "patch_embed.pos_embed", "patch_embed.pos_embed", map.neuron,
                              stream_ == Stream::kMembrane ? Fires::kNo : Fires::kYes);
  }

  PlanBuilder& plan_;
  const ModelConfig& m_;
  const Stream stream_;
  std::string before_position_;
};

}  // namespace

/// Spikformer (arXiv 2209.15425) with any token mixer (arXiv 2308.02557), any residual stream and three stems.
Plan build_spikformer(PlanBuilder plan) {
  const ModelConfig& m = plan.model();
  const Stages stages(m, {m.depth});
  const bool events = m.takes_events();
  BlockStyle style;
  style.stream = stream_of(m, Stream::kSpike);
  if (events) {  // the published model for events writes its linear maps as convolutions of size 1
    style.qkv_bias = false, style.map_suffix = "_conv", style.attention_trailing = style.mlp_trailing = 1;
  }
  int64_t x = Stem(plan, style.stream).add();
  for (int64_t i = 0; i < stages.blocks(0); ++i) {
    const std::string block = fmt::format("block.{}.", i);
    const MixerSpec mixer = stages.mixer(0, i);
    plan.begin_segment(block.substr(0, block.size() - 1), mixer.text);
    x = add_mixer(plan, style, x, block + "attn.", mixer);
    x = add_mlp(plan, style, x, block + "mlp.", m.mlp_ratio);
  }
  return std::move(plan).finish(x, "head");
}

bool is_published_but_unused(const std::string& name) {
  if (name == "pos_embed") return true;
  // (block.N.norm1 | block.N.norm2 | norm) . (weight | bias), N digits. Not std::regex: it recurses, and a name can be
  // as long as a file's header, which would overflow the stack.
  std::string_view rest = name;
  if (rest.starts_with("block.")) {
    rest.remove_prefix(6);
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    rest.remove_prefix(digits);
    if (digits == 0 || !(rest.starts_with(".norm1.") || rest.starts_with(".norm2."))) return false;
    rest.remove_prefix(7);
  } else if (rest.starts_with("norm.")) {
    rest.remove_prefix(5);
  } else {
    return false;
  }
  return rest == "weight" || rest == "bias";
}

}  // namespace spikemix
