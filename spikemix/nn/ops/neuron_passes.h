// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "spikemix/kernels/lif/lif.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// The passes over a layer's values that neurons() and batch_norm() are made of, once for the CPU (kernels/lif) and
/// once in ATen for every other device and for double. x is [T, M, C], or [M, C] with same_x; vectors are [C] in fp32
/// (double for double).
struct NeuronPasses {
  LifParams lif;
  int64_t T = 1;
  bool same_x = false;
  torch::Tensor w;                   // for plif, otherwise undefined
  torch::Tensor scale, shift, mean;  // undefined: no batch norm
};

struct Moments {
  torch::Tensor mean, variance;  // [C], biased
};

struct NeuronGradients {
  torch::Tensor dz;                // like x
  torch::Tensor sum_dz, sum_dz_x;  // [C]: sums of dz and dz (x - mean)
  torch::Tensor dk;                // [], with plif
};

namespace cpu {
Moments moments(const torch::Tensor& x);
torch::Tensor forward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& residual,
                      torch::ScalarType spikes);
NeuronGradients backward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& ds);
/// scale x + shift + residual, in fp32 or double; residual may be undefined.
torch::Tensor norm_forward(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift,
                           const torch::Tensor& residual);
/// [C] each: sums of dz and of dz (x - mean).
std::pair<torch::Tensor, torch::Tensor> norm_sums(const torch::Tensor& x, const torch::Tensor& mean,
                                                  const torch::Tensor& dz);
/// dx = a dz + b (x - mean) + c; dx may be dz.
void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, const torch::Tensor& dz, torch::Tensor& dx);
}  // namespace cpu

namespace aten {
Moments moments(const torch::Tensor& x);
torch::Tensor forward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& residual,
                      torch::ScalarType spikes);
NeuronGradients backward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& ds);
torch::Tensor norm_forward(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift,
                           const torch::Tensor& residual);
std::pair<torch::Tensor, torch::Tensor> norm_sums(const torch::Tensor& x, const torch::Tensor& mean,
                                                  const torch::Tensor& dz);
void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, const torch::Tensor& dz, torch::Tensor& dx);
}  // namespace aten

}  // namespace spikemix
