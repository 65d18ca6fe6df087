// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <vector>

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/adamw.h"
#include "spikemix/train/muon.h"

namespace spikemix {

/// The optimiser that train.optimizer names: AdamW for all parameters, or Muon for the weights between first and last
/// layer and AdamW for the rest. Muon's authors advise that split: rows of the first and last layers belong to colours
/// and classes, which should not all learn at one speed.
class Optimizer {
 public:
  /// @param tensors  the model's; they say which weights are hidden
  Optimizer(const NamedTensors& parameters, std::span<const TensorSpec> tensors, const TrainConfig& config);

  void zero_grad();
  /// Returns the gradients' 2-norm over all parameters, and scales the gradients down to `clip_norm` if that is above 0
  /// and exceeded.
  double clip(double clip_norm);
  void step(double lr);

  /// For checkpoints; writing into the tensors restores it.
  NamedTensors state() const;

 private:
  std::vector<torch::Tensor> parameters_;
  AdamW adamw_;
  Muon muon_;
};

}  // namespace spikemix
