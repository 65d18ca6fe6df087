#pragma once

#include "spikemix/mixers/mixer.h"
#include "spikemix/nn/layer.h"
#include "spikemix/nn/mix.h"

namespace spikemix {

/// A linear transform (LT) in the place of attention: "attn" of a block, with nothing learned but its norm (and the
/// coefficients "coeff" of the combinations, which start at 1 / K).
class MixingImpl : public torch::nn::Module {
 public:
  MixingImpl(const std::string& name, const MixerShape& shape, const MixerSpec& spec, const NeuronConfig& neuron);

  /// x [T, B, N, D] -> x + neurons(BN(LT(x)))
  torch::Tensor forward(const torch::Tensor& x, const Pass& pass);

 private:
  c10::intrusive_ptr<TorchMixer> mixer_;
  torch::Tensor coeff_;  // [K], undefined for a fixed transform
  SpikingLayer layer_;
};
TORCH_MODULE(Mixing);

}  // namespace spikemix
