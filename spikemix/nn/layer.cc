#include "spikemix/nn/layer.h"

namespace spikemix {

WeightsImpl::WeightsImpl(torch::IntArrayRef sizes, bool with_bias) {
  weight = register_parameter("weight", torch::zeros(sizes));
  if (with_bias) bias = register_parameter("bias", torch::zeros({sizes[0]}));
}

torch::Tensor SpikingLayer::fire(const Product& y, const torch::Tensor& residual, const Pass& pass,
                                 int64_t repeat_T) const {
  Norm norm;
  if (bn) {
    const bool training = pass.training && bn->weight.requires_grad();  // frozen: its running statistics (train.freeze)
    norm = {bn->weight, bn->bias,    bn->running_mean, bn->running_var, weights ? weights->bias : torch::Tensor(),
            training,   !pass.again, pass.ranks};
    if (training && !pass.again) bn->num_batches_tracked.add_(1);
  }
  const auto out = neurons(y.y, norm, lif->params, lif->w, residual, pass.type, repeat_T, y.moments, name);
  if (pass.observer) (*pass.observer)(name, residual.defined() ? out - residual : out);
  return out;
}

torch::Tensor SpikingLayer::linear(const torch::Tensor& x, Values values, const torch::Tensor& residual,
                                   const Pass& pass) const {
  // The published event model writes its linear maps as convolutions of size 1: [out, in, 1].
  return fire(spike_linear(x, weights->weight.flatten(1), values, {name, pass.sparse_below}), residual, pass);
}

torch::Tensor SpikingLayer::conv(const torch::Tensor& x, Values values, const torch::Tensor& residual, const Pass& pass,
                                 int64_t repeat_T) const {
  return fire(spike_conv(x, weights->weight, values, {name, pass.sparse_below}), residual, pass, repeat_T);
}

}  // namespace spikemix
