// SPDX-License-Identifier: MIT
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
  /// @param own  blocks of each stage, used where model.depths does not say
  /// @throws InputError naming the key whose list fits neither the stages nor the blocks
  Stages(const ModelConfig& model, std::vector<int64_t> own);

  int64_t count() const { return int64_t(depths_.size()); }
  int64_t blocks(int64_t stage) const { return depths_[size_t(stage)]; }
  /// The mixer of block `index` of a stage.
  MixerSpec mixer(int64_t stage, int64_t index, const MixerOptions& defaults = {}) const;

 private:
  const ModelConfig& model_;
  std::vector<int64_t> depths_;
  int64_t all_ = 0;
};

/// How an architecture with stages builds its parts.
struct StageParts {
  /// Builds the embedding of a stage with `channels` channels; its tensors go under `prefix` ("patch_embed2.").
  std::function<int64_t(int64_t x, int64_t stage, const std::string& prefix, int64_t channels)> embedding;
  /// The prefix of a mixer's tensors in its block: "attn.".
  std::function<std::string(const MixerSpec& mixer)> mixer_prefix;
  MixerOptions options;  // used where neither the mixer's spec nor the config says otherwise
};

/// Adds the input and all stages, each an embedding and its blocks. Images have stages of D/4, D/2 and D channels with
/// 1, 1 and 2 blocks by default; events have D/2 and D with 1 and 1.
/// @throws InputError naming the key that does not fit
int64_t add_stages(PlanBuilder& plan, const BlockStyle& style, const StageParts& parts);

/// model.stream, or `own` if that is auto.
Stream stream_of(const ModelConfig& model, Stream own);

}  // namespace spikemix
