#pragma once

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// The weight of the loss's spike term: train.spike_cost, and with train.spike_target as much as it takes. After each
/// step of the optimiser
///
///   e = clamp(log(operations / target), -1, 1),  level <- level exp(0.01 e),  weight = level exp(e),
///
/// with the level between a thousandth and a thousand times train.spike_cost, where it begins. The level finds what the
/// target takes (by a factor of e in a hundred steps where training is far from it), and the other factor answers at
/// once, so that it does not swing past. A function of the steps done alone.
class SpikeBudget {
 public:
  explicit SpikeBudget(const TrainConfig& config);

  /// Is there such a term at all?
  bool on() const { return start_ > 0; }
  double weight() const { return level_and_weight_[1].item<double>(); }
  /// @param operations  SpikeUse's of the step's batches, over all ranks
  void adjust(double operations);

  /// For checkpoints; writing into the tensors restores it. Empty where the weight stays.
  NamedTensors state() const;

 private:
  double start_, target_;
  torch::Tensor level_and_weight_;  // [2] in double
};

}  // namespace spikemix
