#pragma once

#include <string>
#include <vector>

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// AdamW (Loshchilov and Hutter, arXiv 1711.05101), one fused pass over the weights. Weight matrices and convolution
/// kernels decay, and a mixer's gates, as GFNet's do; norms, biases, and what else neurons and mixers learn (all of one
/// dimension or none) do not.
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
