// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// Muon (Jordan et al., 2024): each step moves a weight matrix along the orthogonal matrix nearest to its Nesterov
/// momentum, so that every direction learns at the same speed. As torch.optim.Muon with adjust_lr_fn="match_rms_adamw"
/// (Liu et al., arXiv 2502.16982): a step is as long as AdamW's, and learning rates carry over. A convolution counts as
/// the matrix [out, in * kH * kW].
class Muon {
 public:
  /// @param parameters  of two dimensions or more
  Muon(const NamedTensors& parameters, const TrainConfig& config);

  void step(double lr);

  /// "<parameter>.momentum", for checkpoints; the tensors are Muon's own, so writing into them restores it.
  NamedTensors state() const;

 private:
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_, momentum_;
  double beta_, weight_decay_;
  torch::ScalarType type_;
};

/// For a matrix [m, n]: nearly U V' of its singular value decomposition U S V' (singular values from 0.7 to 1.2), by
/// five Newton-Schulz steps whose products are computed in `type`.
torch::Tensor orthogonalised(const torch::Tensor& matrix, torch::ScalarType type);

}  // namespace spikemix
