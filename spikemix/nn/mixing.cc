#include "spikemix/nn/mixing.h"

namespace spikemix {

MixingImpl::MixingImpl(const std::string& name, const MixerShape& shape, const MixerSpec& spec,
                       const NeuronConfig& neuron)
    : mixer_(c10::make_intrusive<TorchMixer>(spec.entry->make(shape, spec.options), shape)) {
  if (const int64_t K = mixer_->mixer().coefficients(); K > 0)
    coeff_ = register_parameter("coeff", torch::full({K}, 1.0 / double(K)));
  layer_.name = name;
  layer_.bn = register_module("bn", BatchNorm(shape.D));
  layer_.lif = register_module("lif", Neuron(neuron));
}

torch::Tensor MixingImpl::forward(const torch::Tensor& x, const Pass& pass) {
  return layer_.fire({mix(mixer_, x, coeff_), {}}, /*residual=*/x, pass);
}

}  // namespace spikemix
