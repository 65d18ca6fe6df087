#pragma once

#include <array>

#include "spikemix/core/config.h"
#include "spikemix/nn/layer.h"

namespace spikemix {

/// Spiking patch splitting, "patch_embed": four convolutions with max-pools between them, then the relative position.
class StemImpl : public torch::nn::Module {
 public:
  StemImpl(const ModelConfig& model, const NeuronConfig& neuron);

  /// x [B, C, H, W] (input = "image") or [B, T, C, H, W] (events) -> tokens [T, B, N, D]: counts 0 to 2.
  /// A still image is shown for pass.T time steps.
  torch::Tensor forward(const torch::Tensor& x, const Pass& pass);

 private:
  std::vector<int64_t> pool_;
  std::array<SpikingLayer, 4> conv_;
  SpikingLayer relative_position_;
};
TORCH_MODULE(Stem);

}  // namespace spikemix
