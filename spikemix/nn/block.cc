#include "spikemix/nn/block.h"

namespace spikemix {

BlockImpl::BlockImpl(int64_t index, const ModelConfig& model, const NeuronConfig& neuron) {
  const std::string name = "block." + std::to_string(index);
  const MixerSpec spec = mixer_spec(model, index);
  if (spec.entry->make)
    mixing_ = register_module("attn", Mixing(name + ".attn", mixer_shape(model), spec, neuron));
  else
    attention_ = register_module("attn", SelfAttention(name + ".attn", model, neuron));

  const bool events = model.input == "events";
  auto mlp = register_module("mlp", std::make_shared<torch::nn::Module>());
  const auto layer = [&](const std::string& part, int64_t in, int64_t out) {
    SpikingLayer l;
    l.name = name + ".mlp." + part;
    const std::vector<int64_t> sizes = events ? std::vector<int64_t>{out, in, 1} : std::vector<int64_t>{out, in};
    l.weights = mlp->register_module(part + (events ? "_conv" : "_linear"), Weights(sizes, /*with_bias=*/true));
    l.bn = mlp->register_module(part + "_bn", BatchNorm(out));
    l.lif = mlp->register_module(part + "_lif", Neuron(neuron));
    return l;
  };
  const int64_t D = model.embed_dim, hidden = D * model.mlp_ratio;
  fc1_ = layer("fc1", D, hidden);
  fc2_ = layer("fc2", hidden, D);
}

torch::Tensor BlockImpl::forward(torch::Tensor x, const Pass& pass) {
  x = mixing_ ? mixing_->forward(x, pass) : attention_->forward(x, pass);  // x + mixer(x)
  const auto hidden = fc1_.linear(x, Values::kCounts, {}, pass);
  return fc2_.linear(hidden, Values::kSpikes, /*residual=*/x, pass);  // x + MLP(x)
}

}  // namespace spikemix
