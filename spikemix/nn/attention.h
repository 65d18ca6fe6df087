#pragma once

#include "spikemix/core/config.h"
#include "spikemix/nn/layer.h"

namespace spikemix {

/// y = scale (q k^T) v for each head, without softmax; qkv [T, B, N, 3 D] holds the spikes of q, k and v side by side.
/// Computed as q (k^T v) where that is cheaper (head size < N): sums of small integers are exact in any order. Exact in
/// fp32, whatever qkv's type; -> [T, B, N, D] in fp32. Keeps the spikes as bits.
torch::Tensor spiking_attention(const torch::Tensor& qkv, int64_t heads, double scale);

/// Spiking self-attention (SSA), the published baseline: "attn" of a block.
class SelfAttentionImpl : public torch::nn::Module {
 public:
  SelfAttentionImpl(const std::string& name, const ModelConfig& model, const NeuronConfig& neuron);

  /// x [T, B, N, D] -> x + SSA(x)
  torch::Tensor forward(const torch::Tensor& x, const Pass& pass);

 private:
  torch::Tensor fire_qkv(const Product& y, const Pass& pass) const;

  int64_t heads_;
  double scale_;
  SpikingLayer q_, k_, v_, attention_, projection_;
};
TORCH_MODULE(SelfAttention);

}  // namespace spikemix
