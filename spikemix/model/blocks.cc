// SPDX-License-Identifier: MIT
#include "spikemix/model/blocks.h"

#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "spikemix/base/error.h"
#include "spikemix/mixers/add_mixer.h"

namespace spikemix {

Stages::Stages(const ModelConfig& model, std::vector<int64_t> own)
    : model_(model), depths_(model.depths.empty() ? own : model.depths) {
  if (depths_.size() != own.size())
    throw input_error("model.depths = {} stages: expected {} with model.architecture = {}", depths_.size(), own.size(),
                      model.architecture);
  all_ = std::accumulate(depths_.begin(), depths_.end(), int64_t{0});
  const auto fits = [&](size_t n, bool blocks) {
    return n == 1 || n == depths_.size() || (blocks && int64_t(n) == all_);
  };
  const std::string stages = count() == 1 ? "" : fmt::format(", one for each of the {} stages", count());
  if (!fits(model.mixer.size(), true)) {
    throw input_error("model.mixer = {}: expected one mixer{}, or one for each of the {} blocks", model.mixer.size(),
                      stages, all_);
  }
  if (!fits(model.heads.size(), false))
    throw input_error("model.heads = {} numbers: expected one{}", model.heads.size(), stages);
}

MixerSpec Stages::mixer(int64_t stage, int64_t index, const MixerOptions& own) const {
  const int64_t block = std::accumulate(depths_.begin(), depths_.begin() + stage, int64_t{0}) + index;
  const auto of = [&](const auto& list) -> const auto& {
    if (list.size() == 1) return list[0];
    return list[size_t(list.size() == depths_.size() ? stage : block)];
  };
  MixerOptions defaults = own;
  defaults.wavelet = model_.wavelet, defaults.axes = model_.axes, defaults.levels = model_.levels;
  defaults.bases = model_.bases, defaults.heads = of(model_.heads), defaults.scale = model_.ssa_scale;
  MixerSpec spec = parse_mixer_spec(of(model_.mixer), defaults);
  if (model_.alternate && block % 2 == 1) spec.options.inverse = !spec.options.inverse;
  return spec;
}

int64_t add_stages(PlanBuilder& plan, const BlockStyle& style, const StageParts& parts) {
  const ModelConfig& m = plan.model();
  const bool events = m.takes_events();
  if (events && m.embed_dim % 16 != 0)
    throw input_error("model.embed_dim = {}: expected a multiple of 16: the first layer has D/16 channels",
                      m.embed_dim);
  const Stages stages(m, events ? std::vector<int64_t>{1, 1} : std::vector<int64_t>{1, 1, 2});
  int64_t x = plan.input();
  for (int64_t stage = 0; stage < stages.count(); ++stage) {
    const std::string embed = fmt::format("patch_embed{}", stage + 1);
    plan.begin_segment(embed);
    x = parts.embedding(x, stage, embed + ".", m.embed_dim >> (stages.count() - 1 - stage));
    for (int64_t i = 0; i < stages.blocks(stage); ++i) {
      const std::string block = fmt::format("stage{}.{}", stage + 1, i);
      const MixerSpec mixer = stages.mixer(stage, i, parts.options);
      plan.begin_segment(block, mixer.text);
      x = add_mixer(plan, style, x, block + "." + parts.mixer_prefix(mixer), mixer);
      x = add_mlp(plan, style, x, block + ".mlp.", m.mlp_ratio);
    }
  }
  return x;
}

Stream stream_of(const ModelConfig& model, Stream own) {
  if (model.stream == "spike") return Stream::kSpike;
  if (model.stream == "membrane") return Stream::kMembrane;
  if (model.stream == "iand") return Stream::kIand;
  return own;
}

}  // namespace spikemix
