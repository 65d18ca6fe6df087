// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// The weight of the loss's spike term: train.spike_cost, or, with train.spike_target, whatever reaches the target.
/// After each optimiser step
///
///   e = clamp(log(operations / target), -1, 1),  level <- level exp(0.01 e),  weight = level exp(e),
///
/// with the level between a thousandth and a thousand times train.spike_cost, where it begins. The level slowly finds
/// the value that the target needs (by a factor of e in a hundred steps while training is far from it). The other
/// factor reacts at once, which avoids overshoot. Depends only on the steps done.
class SpikeBudget {
 public:
  explicit SpikeBudget(const TrainConfig& config);

  /// Is there a spike term at all?
  bool on() const { return start_ > 0; }
  double weight() const { return level_and_weight_[1].item<double>(); }
  /// @param operations  SpikeUse::operations of the step's batches, over all ranks
  void adjust(double operations);

  /// For checkpoints; writing into the tensors restores it. Empty if the weight is constant.
  NamedTensors state() const;

 private:
  double start_, target_;
  torch::Tensor level_and_weight_;  // [2] in double
};

}  // namespace spikemix
