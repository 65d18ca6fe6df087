#pragma once

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

/// model.stream, `own` if that is auto.
Stream stream_of(const ModelConfig& model, Stream own);

}  // namespace spikemix
