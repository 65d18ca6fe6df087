#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {

/// The max-pool between the convolutions of an embedding: each axis halves, rounding up.
inline constexpr Window kHalvingPool{.kernel = 3, .stride = 2, .padding = 1};

/// The stages of a network: how many blocks each has, and what model.mixer and model.heads say for each block.
class Stages {
 public:
  /// @param own  blocks of each stage where model.depths says nothing
  /// @throws InputError naming the key whose list fits neither the stages nor the blocks
  Stages(const ModelConfig& model, std::vector<int64_t> own);

  int64_t count() const { return int64_t(depths_.size()); }
  int64_t blocks(int64_t stage) const { return depths_[size_t(stage)]; }
  /// Of block `index` of a stage.
  MixerSpec mixer(int64_t stage, int64_t index, const MixerOptions& defaults = {}) const;

 private:
  const ModelConfig& model_;
  std::vector<int64_t> depths_;
  int64_t all_ = 0;
};

/// How a family with stages makes them.
struct StageParts {
  /// The tokens of a stage, so many channels wide; tensors under `prefix`, "patch_embed2.".
  std::function<int64_t(int64_t x, int64_t stage, const std::string& prefix, int64_t channels)> embedding;
  /// Where a mixer's tensors lie in its block: "attn.".
  std::function<std::string(const MixerSpec& mixer)> mixer_prefix;
  MixerOptions options;  // where neither the mixer's spec nor the config says
};

/// The input and all stages, each an embedding and its blocks: of D/4, D/2 and D channels and by themselves 1, 1 and 2
/// blocks (images), or D/2 and D and 1 and 1 (events).
/// @throws InputError naming the key that does not fit
int64_t add_stages(PlanBuilder& plan, const BlockStyle& style, const StageParts& parts);

/// model.stream, `own` if that is auto.
Stream stream_of(const ModelConfig& model, Stream own);

}  // namespace spikemix
