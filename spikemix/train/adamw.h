// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101), one fused pass over the weights. Weight decay applies to weight
/// matrices, convolution kernels and, as in GFNet, to a mixer's gates. It does not apply to norms, biases and the other
/// parameters of neurons and mixers, which have one dimension or none.
class AdamW {
 public:
  AdamW(const NamedTensors& parameters, const TrainConfig& config);

  void step(double lr);

  /// "<parameter>.exp_avg", "<parameter>.exp_avg_sq" and the step count, for checkpoints; the tensors are
  /// AdamW's own, so writing into them restores it.
  NamedTensors state() const;

 private:
  struct Group {
    double weight_decay = 0;
    std::vector<torch::Tensor> parameters, exp_avg, exp_avg_sq, steps;
  };
  std::vector<std::string> names_[2];
  Group groups_[2];  // with decay, without
  double beta1_, beta2_, eps_;
};

}  // namespace spikemix
