// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "spikemix/config/model_config.h"
#include "spikemix/kernels/lif/lif.h"
#include "spikemix/nn/ops/norm.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// The neurons of one layer: their constants, and for kind "plif" the learned w of 1 / tau = sigmoid(w), tensor "w".
class NeuronImpl : public torch::nn::Module {
 public:
  /// @throws InputError naming the key that is wrong
  explicit NeuronImpl(const NeuronConfig& config, std::optional<double> v_threshold = {});
  /// Neurons that learn nothing, whatever the kind.
  explicit NeuronImpl(const LifParams& constants) : params(constants) {}

  LifParams params;
  torch::Tensor w;  // [], undefined unless plif
};
TORCH_MODULE(Neuron);

/// s = residual + spikes of the neurons on BN(y), in one autograd function over all T steps. Only y is kept for
/// backward, which computes potentials and spikes from it again: 4 bytes a value (2 in bf16) for BN and LIF together.
///
/// @param y         [T, ..., C] in fp32, bf16 or double; or [..., C] if repeat_T > 0: each of repeat_T steps reads it,
///                  and the statistics are those of repeat_T copies
/// @param residual  [T, ..., C] in the type of the result, or undefined
/// @param spikes    type of the result: that of y, or bf16 from an fp32 y
/// @param moments   of y, if a product has computed them already
/// @param layer     its name in profiles
///
/// Equal to torch.nn.BatchNorm and SpikingJelly's multi-step nodes, gradient included. On the CPU the bits do not
/// depend on the number of threads.
torch::Tensor neurons(const torch::Tensor& y, const Norm& norm, const LifParams& params, const torch::Tensor& w,
                      const torch::Tensor& residual, torch::ScalarType spikes, int64_t repeat_T = 0,
                      const Moments& moments = {}, const std::string& layer = {});

}  // namespace spikemix
