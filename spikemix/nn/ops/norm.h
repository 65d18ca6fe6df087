// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/nn/ops/neuron_passes.h"
#include "spikemix/nn/ops/ranks.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// Batch norm's tensors under their usual names; eps 1e-5, momentum 0.1. neurons() and batch_norm() do the computation.
class BatchNormImpl : public torch::nn::Module {
 public:
  explicit BatchNormImpl(int64_t channels);

  torch::Tensor weight, bias, running_mean, running_var, num_batches_tracked;
};
TORCH_MODULE(BatchNorm);

/// The batch norm between a layer's linear map and its spikes. All [C]; undefined weight: no batch norm.
struct Norm {
  torch::Tensor weight, bias, running_mean, running_var;
  /// The bias of the linear map before it, which y does not contain. It moves the running mean. With statistics of the
  /// batch it cancels out, and its gradient is exactly zero. May be undefined.
  torch::Tensor linear_bias;
  /// Use statistics of the batch instead of the running ones.
  bool training = false;
  /// In training, move the running statistics towards the batch's.
  bool updates = true;
  /// The processes whose batches the statistics cover (synchronised batch norm); null: this process alone.
  Ranks* ranks = nullptr;
};

/// z = residual + BN(y), in one autograd function that keeps only y, in its own type. Equal to torch.nn.BatchNorm,
/// gradient included. On the CPU the bits do not depend on the number of threads.
///
/// @param y         [..., C] in fp32, bf16 or double
/// @param residual  like the result, or undefined
/// @param copies    the statistics are those of this many copies of y: a still image's time steps
/// @param moments   of y, if a product has computed them already
/// @param layer     its name in profiles
/// @returns fp32 for bf16, too: residual streams of reals add up to more than bf16's 8 bits can hold
torch::Tensor batch_norm(const torch::Tensor& y, const Norm& norm, const torch::Tensor& residual, int64_t copies = 1,
                         const Moments& moments = {}, const std::string& layer = {});

/// One batch's statistics and what follows from them, forward and backward: the part that neurons() and batch_norm()
/// share. The passes over the values are theirs.
struct BatchStatistics {
  Norm norm;      // detached
  Moments known;  // of y; undefined if they are still to be computed
  int64_t copies = 1;
  torch::Tensor mean, scale, shift, inverse_std;  // [C]: BN(y + linear_bias) = scale y + shift

  /// All tensors of `norm`, detached.
  static BatchStatistics of(const Norm& norm, const Moments& known, int64_t copies);

  void compute(const torch::Tensor& y);

  /// dy = scale dz + b (y - mean) + c, and the gradients of the learned tensors.
  struct Gradients {
    torch::Tensor weight, bias, linear_bias, b, c;
  };
  /// @param sum_dz, sum_dz_y  sums of dz and of dz (y - mean), over all copies
  Gradients gradients(const torch::Tensor& y, torch::Tensor sum_dz, torch::Tensor sum_dz_y) const;

  /// The number of values of one channel that the statistics cover, on this rank.
  double count(const torch::Tensor& y) const { return double(y.numel() / y.size(-1) * copies); }
  int64_t ranks() const { return norm.ranks ? norm.ranks->count() : 1; }
};

}  // namespace spikemix
