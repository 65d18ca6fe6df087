// SPDX-License-Identifier: MIT
#include <string>

#include "spikemix/model/blocks.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

using Fires = PlanBuilder::Fires;

MapNames names(const std::string& prefix, const std::string& part) {
  const std::string name = prefix + part;
  return {.name = name + "_conv", .weight = name + "_conv", .norm = name + "_bn", .neuron = name + "_lif"};
}

int64_t add_beside(PlanBuilder& plan, int64_t x, const std::string& prefix, int64_t stride, int64_t channels) {
  const Window window{.kernel = 1, .stride = stride, .padding = 0};
  return plan.convolution(x, names(prefix, "proj_res"), window, channels, Fires::kYes);
}

// The pool comes before the neurons.
int64_t add_pooled(PlanBuilder& plan, int64_t x, const std::string& prefix, const std::string& part,
                   const std::string& pool, int64_t channels) {
  const MapNames map = names(prefix, part);
  const int64_t y = plan.convolution(x, map, Window(), channels, Fires::kNo);
  return plan.neurons(plan.max_pool(y, prefix + pool, kHalvingPool), map.neuron, map.neuron);
}

// PatchEmbedInit for images: full resolution.
int64_t first_of_images(PlanBuilder& plan, int64_t x, const std::string& prefix, int64_t channels) {
  const int64_t a = plan.convolution(x, names(prefix, "proj"), Window(), channels / 2, Fires::kYes);
  const int64_t beside = add_beside(plan, a, prefix, 1, channels);
  return plan.merge(beside, plan.convolution(a, names(prefix, "proj1"), Window(), channels, Fires::kYes), Merge::kAdd);
}

// PatchEmbedInit for events: an eighth of the resolution.
int64_t first_of_events(PlanBuilder& plan, int64_t x, const std::string& prefix, int64_t channels) {
  const int64_t z = plan.convolution(x, names(prefix, "proj"), Window(), channels / 8, Fires::kYes);
  const int64_t a = add_pooled(plan, z, prefix, "proj1", "maxpool1", channels / 4);
  const int64_t beside = add_beside(plan, a, prefix, 4, channels);
  const int64_t b = add_pooled(plan, a, prefix, "proj2", "maxpool2", channels / 2);
  return plan.merge(beside, add_pooled(plan, b, prefix, "proj3", "maxpool3", channels), Merge::kAdd);
}

// PatchEmbeddingStage: half the resolution. `first` is the name of its first convolution.
int64_t next(PlanBuilder& plan, int64_t x, const std::string& prefix, const std::string& first, int64_t channels) {
  const int64_t beside = add_beside(plan, x, prefix, 2, channels);
  const int64_t a = plan.convolution(x, names(prefix, first), Window(), channels, Fires::kYes);
  return plan.merge(beside, add_pooled(plan, a, prefix, "proj4", "proj4_maxpool", channels), Merge::kAdd);
}

}  // namespace

/// QKFormer (arXiv 2403.16552): stages of D/4, D/2 and D channels (images) or D/2 and D (events); names as in
/// cifar10/model.py and cifar10-dvs/model.py. Published mixers: qk-token, qk-token, ssa; for events qk-token, ssa.
Plan build_qkformer(PlanBuilder plan) {
  const bool events = plan.model().takes_events();
  BlockStyle style;
  style.stream = Stream::kSpike;
  style.qkv_bias = false, style.map_suffix = "_conv", style.mlp_layer = "mlp";
  style.attention_trailing = 1, style.mlp_trailing = 2;
  StageParts parts;
  parts.embedding = [&](int64_t from, int64_t stage, const std::string& prefix, int64_t channels) {
    if (stage > 0) return next(plan, from, prefix, events ? "proj" : "proj3", channels);
    return events ? first_of_events(plan, from, prefix, channels) : first_of_images(plan, from, prefix, channels);
  };
  parts.mixer_prefix = [](const MixerSpec& mixer) {
    return std::string(mixer.entry->name) == "qk-token" ? "tssa." : "ssa.";
  };
  const int64_t x = add_stages(plan, style, parts);
  return std::move(plan).finish(x, "head");
}

}  // namespace spikemix
