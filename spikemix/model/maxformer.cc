// SPDX-License-Identifier: MIT
#include <string>
#include <utility>

#include "spikemix/model/blocks.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

using Fires = PlanBuilder::Fires;

/// The embeddings between stages, of potentials: neurons come before each convolution. Names as in embedding_hub.py.
class Embedding {
 public:
  Embedding(PlanBuilder& plan, std::string prefix) : plan_(plan), prefix_(std::move(prefix)) {}

  // Embed_Orig: full resolution.
  int64_t first_of_images(int64_t x, int64_t channels) {
    const int64_t z = projection(x, channels / 2);
    const int64_t beside = convolution(fire(z, "embed2"), "embed2", pointwise(1), channels);
    return plan_.merge(beside, convolution(fire(z, "embed1"), "embed1", Window(), channels), Merge::kAdd);
  }

  // Embed_Max_plus: an eighth of the resolution.
  int64_t first_of_events(int64_t x, int64_t channels) {
    const int64_t z = projection(x, channels / 8);
    const int64_t a = pooled(fire(z, "max_embed1"), "max_embed1", Window(), channels / 4);
    const int64_t s = fire(a, "max_embed2");
    const int64_t beside = convolution(s, "embed1", pointwise(4), channels);
    const int64_t b = pooled(s, "max_embed2", Window(), channels / 2);
    const int64_t y = pooled(fire(b, "max_embed3"), "max_embed3", Window(), channels);
    return plan_.merge(beside, y, Merge::kAdd);
  }

  // Embed_Max: half the resolution.
  int64_t next(int64_t x, int64_t channels) {
    const int64_t s = fire(x, "max_embed1");
    const int64_t beside = pooled(s, "max_embed2", pointwise(1), channels);
    const int64_t y = pooled(s, "max_embed1", Window(), channels);
    return plan_.merge(beside, convolution(fire(y, "embed1"), "embed1", Window(), channels), Merge::kAdd);
  }

 private:
  static Window pointwise(int64_t stride) { return {.kernel = 1, .stride = stride, .padding = 0}; }

  MapNames names(const std::string& part) const {
    const std::string name = prefix_ + part + ".embed";
    return {.name = name + "_conv", .weight = name + "_conv", .norm = name + "_bn", .neuron = name + "_lif"};
  }
  int64_t projection(int64_t x, int64_t channels) {
    const std::string name = prefix_ + "proj";
    const MapNames map{.name = name + "_conv", .weight = name + "_conv", .norm = name + "_bn", .neuron = ""};
    return plan_.convolution(x, map, Window(), channels, Fires::kNo);
  }
  int64_t fire(int64_t x, const std::string& part) { return plan_.neurons(x, names(part).neuron, names(part).neuron); }
  int64_t convolution(int64_t x, const std::string& part, const Window& window, int64_t channels) {
    return plan_.convolution(x, names(part), window, channels, Fires::kNo);
  }
  int64_t pooled(int64_t x, const std::string& part, const Window& window, int64_t channels) {
    return plan_.max_pool(convolution(x, part, window, channels), prefix_ + part + ".maxpool", kHalvingPool);
  }

  PlanBuilder& plan_;
  const std::string prefix_;
};

bool attends(const MixerSpec& mixer) {
  const std::string name = mixer.entry->name;
  return name == "ssa" || name == "random" || name == "sdsa1" || name.starts_with("qk-");
}

}  // namespace

/// Max-Former (arXiv 2505.18608): stages of D/4, D/2 and D channels (images) or D/2 and D (events), on a stream of
/// potentials. Published mixers: identity:branch=false, dwc3, ssa; for events dwc3, ssa.
Plan build_maxformer(PlanBuilder plan) {
  BlockStyle style;
  style.stream = Stream::kMembrane;
  style.qkv_bias = false, style.map_suffix = "_conv", style.adds_behind_fc1 = true;
  style.attention_trailing = 1, style.mlp_trailing = 2;
  StageParts parts;
  parts.embedding = [&](int64_t from, int64_t stage, const std::string& prefix, int64_t channels) {
    Embedding embedding(plan, prefix);
    if (stage > 0) return embedding.next(from, channels);
    return plan.model().takes_events() ? embedding.first_of_events(from, channels)
                                       : embedding.first_of_images(from, channels);
  };
  parts.mixer_prefix = [](const MixerSpec& mixer) { return attends(mixer) ? "attn." : "mixer."; };
  parts.options.residual = false;  // for pooling mixers
  int64_t x = add_stages(plan, style, parts);
  plan.begin_segment("head_lif");
  x = plan.neurons(plan.token_mean(x, "token_mean"), "head_lif", "head_lif");
  return std::move(plan).finish(x, "head");
}

}  // namespace spikemix
