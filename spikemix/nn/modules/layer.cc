// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/layer.h"

#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/nn/modules/initial_weights.h"
#include "spikemix/nn/modules/named_modules.h"
#include "spikemix/nn/ops/attention.h"
#include "spikemix/nn/ops/gated.h"
#include "spikemix/nn/ops/iand.h"
#include "spikemix/nn/ops/pool.h"

namespace spikemix {
namespace {

using torch::Tensor;

torch::ScalarType real_type(torch::ScalarType type) {
  return type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
}

// Every stride-th pixel of [..., H, W, C]: the input of a convolution of size 1.
Tensor subsampled(const Tensor& x, int64_t stride) {
  if (stride == 1) return x;
  return x.slice(-3, std::nullopt, std::nullopt, stride).slice(-2, std::nullopt, std::nullopt, stride);
}

// [..., H, W, C] -> [..., H / side, W / side, C side side]: the windows of a convolution of that size and stride, in
// the order of its weights.
Tensor patches(const Tensor& x, int64_t side) {
  const int64_t height = x.size(-3) / side, width = x.size(-2) / side;
  return x.slice(-3, 0, height * side)
      .slice(-2, 0, width * side)
      .unflatten(-3, {height, side})
      .unflatten(-2, {width, side})
      .movedim({-4, -2}, {-2, -1})
      .flatten(-3);
}

}  // namespace

Values kept_as(const Range& range) {
  if (range.is_spikes()) return Values::kSpikes;
  const bool counts = !range.is_real() && range.smallest() >= 0 && range.largest() <= 255;
  return counts ? Values::kCounts : Values::kReal;
}

Layer::Layer(const Plan& network, const LayerPlan& layer, double spike_share, torch::nn::Module& model, uint64_t seed)
    : plan_(layer),
      still_(network.values[size_t(layer.reads)].still),
      values_(kept_as(network.values[size_t(layer.reads)].range)),
      spike_share_(spike_share) {
  const ValuePlan& in = network.values[size_t(layer.reads)];
  const ValuePlan& out = network.values[size_t(layer.writes)];
  if (layer.mixer) {
    const MixerShape shape{.T = network.T, .height = in.height, .width = in.width, .D = in.channels};
    mixer_ = c10::make_intrusive<TorchMixer>(layer.mixer, shape);
  }
  if (const int64_t K = layer.coefficient_count; K > 0)
    coefficients_ = register_tensor_as(model, layer.coefficients, torch::full({K}, 1.0 / double(K)));
  if (layer.gated) {
    gate_ = register_tensor_as(model, layer.gate, torch::zeros(layer.gate_shape));
    draw_gate(gate_, layer.gate, seed);
  }
  for (const auto& [name, tensors, frozen] : layer.parts) {
    Part& part = parts_.emplace_back();
    part.name = name;
    if (layer.has_weights()) {
      part.weight = register_tensor_as(model, tensors.weight, torch::zeros(layer.weight_shape), /*learned=*/!frozen);
      draw_weight(part.weight, tensors.weight, seed);
    }
    if (!tensors.bias.empty()) {
      part.bias = register_tensor_as(model, tensors.bias, torch::zeros({layer.weight_shape[0]}));
      draw_bias(part.bias, tensors.bias, part.weight, seed);
    }
    if (layer.has_norm()) {
      part.bn = BatchNorm(out.channels);
      register_module_as(model, tensors.norm, part.bn.ptr());
    }
    if (layer.neurons) {
      part.lif =
          layer.signed_neurons ? Neuron(signed_lif_params(network.neuron)) : Neuron(network.neuron, layer.v_threshold);
      register_module_as(model, tensors.neuron, part.lif.ptr());
    }
  }
  if (!layer.position.empty()) {
    position_ = register_tensor_as(model, layer.position, torch::zeros({out.rows(), out.channels}));
    draw_position(position_, layer.position, seed);
  }
}

std::vector<Tensor> Layer::parameters() const {
  std::vector<Tensor> all;
  const auto add = [&](const Tensor& tensor) {
    if (tensor.defined() && tensor.requires_grad()) all.push_back(tensor);
  };
  add(coefficients_);
  add(gate_);
  for (const Part& part : parts_) {
    add(part.weight);
    add(part.bias);
    if (part.bn) add(part.bn->weight), add(part.bn->bias);
    if (part.lif) add(part.lif->w);
  }
  add(position_);
  return all;
}

Tensor Layer::forward(const Tensor& x, const Tensor& merged, const Pass& pass) const {
  // Neurons and norms can do the addition too, if the sum has their type and shape.
  const bool fuses = plan_.merge == Merge::kAdd && plan_.map != Map::kAttention && !position_.defined() &&
                     (plan_.neurons || plan_.has_norm()) && merged.dim() == (plan_.neurons ? 5 : x.dim()) &&
                     merged.scalar_type() == (plan_.neurons ? pass.type : real_type(pass.type));
  const Tensor residual = fuses ? merged : Tensor();
  const Tensor y = plan_.map == Map::kAttention ? attention(x, pass)
                   : plan_.neurons              ? fired(map(x, pass), residual, pass)
                                                : normed(map(x, pass), residual, pass);
  if (plan_.neurons && pass.observer) show(fuses ? y - merged : y, pass);
  if (fuses || plan_.merge == Merge::kNone) return y;
  return plan_.merge == Merge::kAdd ? merged + y : iand(merged, y);
}

Product Layer::map(const Tensor& x, const Pass& pass) const {
  Product product = mapped(x, pass);
  if (product.means.defined()) pass.meter->add(spike_share_, product.means);
  return product;
}

Product Layer::mapped(const Tensor& x, const Pass& pass) const {
  const ProductSettings settings{.layer = plan_.name,
                                 .sparse_below = pass.sparse_below,
                                 .spike_cost = pass.spike_cost * spike_share_,
                                 .counts_spikes = pass.meter && spike_share_ > 0};
  switch (plan_.map) {
    case Map::kConvolution:
      return convolution(x, settings);
    case Map::kLinear: {
      if (plan_.groups > 1) return grouped_linear(x, parts_[0].weight, values_, settings);
      // [out, in], or a convolution of size 1: [out, in, 1], [out, in, 1, 1].
      std::vector<Tensor> weights;
      for (const Part& part : parts_) weights.push_back(part.weight.flatten(1));
      return spike_linear(x, weights.size() == 1 ? weights[0] : torch::cat(weights), values_, settings);
    }
    case Map::kTransform: {
      const Tensor tokens = (still_ ? x.unsqueeze(0) : x).flatten(2, 3);
      return {mix(mixer_, tokens, coefficients_).view(x.sizes()), {}, {}};
    }
    case Map::kGated: {
      const Tensor tokens = (still_ ? x.unsqueeze(0) : x).flatten(2, 3);
      return {gated(plan_.gated, tokens, gate_, values_).view(x.sizes()), {}, {}};
    }
    case Map::kMaxPool:
      return {max_pool(x, plan_.window.stride), {}, {}};
    case Map::kTokenMean:
      return {x.mean(torch::IntArrayRef{-3, -2}, /*keepdim=*/true, real_type(pass.type)), {}, {}};
    case Map::kNone:
    case Map::kAttention:
      break;
  }
  return {x, {}, {}};
}

Product Layer::convolution(const Tensor& x, const ProductSettings& settings) const {
  const Tensor& weight = parts_[0].weight;
  const auto& [kernel, stride, padding, depthwise] = plan_.window;
  if (plan_.shares_weight) return shared_conv(x, weight, plan_.groups, values_, settings);
  if (depthwise) return depthwise_conv(x, weight, values_, settings);
  if (kernel == 1) return spike_linear(subsampled(x, stride), weight.flatten(1), values_, settings);
  if (kernel == stride) return spike_linear(patches(x, kernel), weight.flatten(1), values_, settings);
  TORCH_INTERNAL_ASSERT(kernel == 3 && stride == 1 && padding == 1, plan_.name, ": no such convolution");
  return spike_conv(x, weight, values_, settings);
}

// The map's output after norm and position.
Tensor Layer::normed(const Product& y, const Tensor& residual, const Pass& pass) const {
  Tensor z = y.y;
  if (plan_.has_norm()) {
    z = with_norm(pass, [&](const Norm& norm) {
      return batch_norm(y.y, norm, residual, still_ ? pass.T : 1, y.moments, plan_.name);
    });
  } else if (parts_[0].bias.defined()) {
    z = z + parts_[0].bias;
  }
  return position_.defined() ? z + position_.view({z.size(-3), z.size(-2), z.size(-1)}) : z;
}

// The same after the neurons. Norm and neurons are one pass, unless something stands between them.
Tensor Layer::fired(const Product& y, const Tensor& residual, const Pass& pass) const {
  if (!plan_.has_norm() || position_.defined())
    return fire(parts_[0], {normed(y, {}, pass), {}, {}}, {}, residual, pass);
  // All parts run as one layer with all channels, which avoids copies. With plif each part has a tau of its own, so
  // they run separately.
  if (parts_.size() == 1 || !parts_[0].lif->w.defined())
    return with_norm(pass, [&](const Norm& norm) { return fire(parts_[0], y, norm, residual, pass); });
  std::vector<Tensor> spikes;
  const auto sums = y.y.chunk(int64_t(parts_.size()), -1);
  for (size_t i = 0; i < parts_.size(); ++i)
    spikes.push_back(fire(parts_[i], {sums[i], {}, {}}, norm_of(parts_[i], pass), {}, pass));
  return torch::cat(spikes, -1);
}

Tensor Layer::attention(const Tensor& x, const Pass& pass) const {
  const Tensor tokens = x.flatten(2, 3);
  const Fire on_sums = [&](const Tensor& sums) { return fire(parts_[0], {sums, {}, {}}, {}, {}, pass); };
  const auto attended = [&] {
    switch (plan_.attention) {
      case Attention::kSsa:
        return on_sums(spiking_attention(tokens, plan_.heads, plan_.scale));
      case Attention::kQkToken:
        return qk_token_attention(tokens, plan_.heads, on_sums);
      case Attention::kQkChannel:
        return qk_channel_attention(tokens, on_sums);
      case Attention::kSpikeDriven:
        return spike_driven_attention(tokens, on_sums);
    }
    return Tensor();
  };
  return attended().unflatten(2, {x.size(2), x.size(3)});
}

Tensor Layer::fire(const Part& part, const Product& y, const Norm& norm, const Tensor& residual,
                   const Pass& pass) const {
  return neurons(y.y, norm, part.lif->params, part.lif->w, residual, pass.type, still_ ? pass.T : 0, y.moments,
                 plan_.name);
}

Norm Layer::norm_of(const Part& part, const Pass& pass) const {
  const bool training = pass.training && part.bn->weight.requires_grad();  // frozen: running statistics (train.freeze)
  if (training && !pass.again) part.bn->num_batches_tracked.add_(1);
  const Tensor bias = plan_.shares_weight && part.bias.defined() ? part.bias.repeat({plan_.groups}) : part.bias;
  return {part.bn->weight, part.bn->bias, part.bn->running_mean, part.bn->running_var, bias, training,
          !pass.again,     pass.ranks};
}

// f(norm) with the norm of the only part, or with all norms side by side, whose running statistics are then copied
// back.
template <class F>
Tensor Layer::with_norm(const Pass& pass, const F& f) const {
  if (parts_.size() == 1) return f(norm_of(parts_[0], pass));
  std::vector<Norm> norms;
  for (const Part& part : parts_) norms.push_back(norm_of(part, pass));
  const auto joined = [&](Tensor Norm::*member) {
    std::vector<Tensor> all;
    for (const Norm& norm : norms) all.push_back(norm.*member);
    return all[0].defined() ? torch::cat(all) : Tensor();
  };
  Norm norm = norms[0];
  for (Tensor Norm::*member : {&Norm::weight, &Norm::bias, &Norm::running_mean, &Norm::running_var, &Norm::linear_bias})
    norm.*member = joined(member);
  const Tensor out = f(norm);
  if (norm.training && norm.updates) {
    const auto count = int64_t(norms.size());
    const auto means = norm.running_mean.chunk(count), variances = norm.running_var.chunk(count);
    for (size_t i = 0; i < norms.size(); ++i) {
      norms[i].running_mean.copy_(means[i]);
      norms[i].running_var.copy_(variances[i]);
    }
  }
  return out;
}

void Layer::show(const Tensor& spikes, const Pass& pass) const {
  const auto parts = spikes.chunk(int64_t(parts_.size()), -1);
  for (size_t i = 0; i < parts_.size(); ++i) (*pass.observer)(parts_[i].name, parts[i]);
}

}  // namespace spikemix
