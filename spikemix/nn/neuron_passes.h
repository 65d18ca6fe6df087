#pragma once

#include "spikemix/kernels/lif/lif.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// The passes over a layer's values that neurons() is made of, once for the CPU (kernels/lif) and once in ATen for
/// every other device, and for double. x is [T, M, C], or [M, C] with same_x; vectors are [C] in fp32 (double for
/// double).
struct NeuronPasses {
  LifParams lif;
  int64_t T = 1;
  bool same_x = false;
  torch::Tensor w;                   // plif; else undefined
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
/// dz = a dz + b (x - mean) + c, in place.
void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, torch::Tensor& dz);
}  // namespace cpu

namespace aten {
Moments moments(const torch::Tensor& x);
torch::Tensor forward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& residual,
                      torch::ScalarType spikes);
NeuronGradients backward(const NeuronPasses&, const torch::Tensor& x, const torch::Tensor& ds);
void norm_backward(const torch::Tensor& x, const torch::Tensor& mean, const torch::Tensor& a, const torch::Tensor& b,
                   const torch::Tensor& c, torch::Tensor& dz);
}  // namespace aten

}  // namespace spikemix
