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

/// What train.optimizer names: AdamW for all parameters, or Muon for the weights between first and last layer and
/// AdamW for the rest: Muon's authors advise so, as rows of the first and last belong to colours and classes, which are
/// not to be learned at one speed.
class Optimizer {
 public:
  /// @param tensors  those of the model: they say which weights are hidden
  Optimizer(const NamedTensors& parameters, std::span<const TensorSpec> tensors, const TrainConfig& config);

  void zero_grad();
  /// The gradients' 2-norm over all parameters; scales them down to `clip_norm` if that is above 0 and exceeded.
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
