#pragma once

#include "spikemix/nn/attention.h"
#include "spikemix/nn/mixing.h"

namespace spikemix {

/// One encoder block, "block.N": a token mixer ("attn": a linear transform, or self-attention) and an MLP.
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(int64_t index, const ModelConfig& model, const NeuronConfig& neuron);

  /// x [T, B, N, D], small counts -> the same
  torch::Tensor forward(torch::Tensor x, const Pass& pass);

 private:
  Mixing mixing_ = nullptr;
  SelfAttention attention_ = nullptr;
  SpikingLayer fc1_, fc2_;
};
TORCH_MODULE(Block);

}  // namespace spikemix
