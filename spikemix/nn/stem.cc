#include "spikemix/nn/stem.h"

#include "spikemix/nn/pool.h"

namespace spikemix {

StemImpl::StemImpl(const ModelConfig& model, const NeuronConfig& neuron) : pool_(model.pool) {
  const auto layer = [&](const std::string& name, const std::string& number, int64_t in, int64_t out) {
    SpikingLayer l;
    l.name = "patch_embed." + name + "_conv" + number;
    l.weights = register_module(name + "_conv" + number, Weights(std::vector<int64_t>{out, in, 3, 3}, false));
    l.bn = register_module(name + "_bn" + number, BatchNorm(out));
    l.lif = register_module(name + "_lif" + number, Neuron(neuron));
    return l;
  };
  const int64_t D = model.embed_dim;
  conv_ = {layer("proj", "", model.channels, D / 8), layer("proj", "1", D / 8, D / 4), layer("proj", "2", D / 4, D / 2),
           layer("proj", "3", D / 2, D)};
  relative_position_ = layer("rpe", "", D, D);
}

torch::Tensor StemImpl::forward(const torch::Tensor& images, const Pass& pass) {
  const bool still = images.dim() == 4;
  // The first convolution has few channels: it stays in fp32, and sees a still image once for all time steps.
  const auto input_type = pass.type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  torch::Tensor x = (still ? images.permute({0, 2, 3, 1}) : images.permute({1, 0, 3, 4, 2})).to(input_type);
  Values values = Values::kReal;
  for (size_t i = 0; i < conv_.size(); ++i) {
    x = conv_[i].conv(x, values, {}, pass, still && i == 0 ? pass.T : 0);
    if (pool_[i]) x = spike_max_pool(x);
    values = Values::kSpikes;
  }
  x = relative_position_.conv(x, Values::kSpikes, /*residual=*/x, pass);
  return x.flatten(2, 3);
}

}  // namespace spikemix
