#include "spikemix/model/blocks.h"

#include <numeric>
#include <utility>

#include "spikemix/core/error.h"

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

Stream stream_of(const ModelConfig& model, Stream own) {
  if (model.stream == "spike") return Stream::kSpike;
  if (model.stream == "membrane") return Stream::kMembrane;
  if (model.stream == "iand") return Stream::kIand;
  return own;
}

}  // namespace spikemix
