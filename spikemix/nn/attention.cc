#include "spikemix/nn/attention.h"

#include "spikemix/nn/processor.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Heads {
  Tensor q, k, v;  // [T B heads, N, D / heads], in the type that they are multiplied in
};

// [T, B, N, 3 D] -> three times [T B heads, N, d]
Heads split_heads(const Tensor& qkv, int64_t heads) {
  const int64_t N = qkv.size(2), d = qkv.size(3) / 3 / heads;
  const auto split = torch::empty({3, qkv.size(0) * qkv.size(1), heads, N, d}, qkv.options().dtype(multiplied_in(qkv)));
  split.copy_(qkv.view({-1, N, 3, heads, d}).permute({2, 0, 3, 1, 4}));
  const auto flat = split.view({3, -1, N, d});
  return {flat[0], flat[1], flat[2]};
}

// [T B heads, N, d] -> [T, B, N, D]
Tensor join_heads(const Tensor& y, torch::IntArrayRef sizes, int64_t heads) {
  const int64_t N = sizes[2], D = sizes[3] / 3;
  return y.view({-1, heads, N, D / heads}).transpose(1, 2).reshape({sizes[0], sizes[1], N, D});
}

bool keys_first(const Tensor& q) { return q.size(2) < q.size(1); }

Tensor attend(const Tensor& qkv, int64_t heads, double scale) {
  const auto [q, k, v] = split_heads(qkv, heads);
  const Tensor y =
      keys_first(q) ? at::bmm(q, at::bmm(k.transpose(1, 2), v)) : at::bmm(at::bmm(q, k.transpose(1, 2)), v);
  return join_heads(y.mul_(scale), qkv.sizes(), heads).to(qkv.scalar_type());
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv, int64_t heads, double scale) {
    ctx->save_for_backward({Packed(qkv, Values::kSpikes).tensor()});
    ctx->saved_data["sizes"] = qkv.sizes();
    ctx->saved_data["type"] = qkv.scalar_type();
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["scale"] = scale;
    return attend(qkv, heads, scale);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    const auto type = ctx->saved_data["type"].toScalarType();
    const int64_t heads = ctx->saved_data["heads"].toInt();
    const Tensor qkv = Packed(ctx->get_saved_variables()[0], Values::kSpikes, sizes, type).unpack();
    const auto [q, k, v] = split_heads(qkv, heads);
    const int64_t N = sizes[2], d = sizes[3] / 3 / heads;
    const Tensor dy = (grads[0].contiguous().to(q.scalar_type()) * ctx->saved_data["scale"].toDouble())
                          .view({-1, N, heads, d})
                          .transpose(1, 2)
                          .reshape({-1, N, d});
    const auto dqkv = torch::empty({3, q.size(0), N, d}, q.options());
    Tensor dq = dqkv[0], dk = dqkv[1], dv = dqkv[2];
    if (keys_first(q)) {
      const Tensor kv = at::bmm(k.transpose(1, 2), v), dkv = at::bmm(q.transpose(1, 2), dy);
      at::bmm_out(dq, dy, kv.transpose(1, 2));
      at::bmm_out(dk, v, dkv.transpose(1, 2));
      at::bmm_out(dv, k, dkv);
    } else {
      const Tensor a = at::bmm(q, k.transpose(1, 2)), da = at::bmm(dy, v.transpose(1, 2));
      at::bmm_out(dq, da, k);
      at::bmm_out(dk, da.transpose(1, 2), q);
      at::bmm_out(dv, a.transpose(1, 2), dy);
    }
    // [3, T B, heads, N, d] -> [T, B, N, 3 D]
    const auto joined = torch::empty(sizes, qkv.options());
    joined.view({-1, N, 3, heads, d}).copy_(dqkv.view({3, -1, heads, N, d}).permute({1, 3, 0, 2, 4}));
    return {joined, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor spiking_attention(const Tensor& x, int64_t heads, double scale) {
  const Tensor qkv = x.contiguous();
  if (!torch::GradMode::is_enabled()) return attend(qkv, heads, scale);
  return AttentionFunction::apply(qkv, heads, scale);
}

SelfAttentionImpl::SelfAttentionImpl(const std::string& name, const ModelConfig& model, const NeuronConfig& neuron)
    : heads_(model.heads), scale_(model.ssa_scale) {
  const bool events = model.input == "events";
  const int64_t D = model.embed_dim;
  const auto layer = [&](const std::string& part, bool with_bias) {
    SpikingLayer l;
    l.name = name + "." + part;
    const std::vector<int64_t> sizes = events ? std::vector<int64_t>{D, D, 1} : std::vector<int64_t>{D, D};
    l.weights = register_module(part + (events ? "_conv" : "_linear"), Weights(sizes, with_bias));
    l.bn = register_module(part + "_bn", BatchNorm(D));
    l.lif = register_module(part + "_lif", Neuron(neuron));
    return l;
  };
  q_ = layer("q", !events);
  k_ = layer("k", !events);
  v_ = layer("v", !events);
  attention_.name = name + ".attn";
  attention_.lif = register_module("attn_lif", Neuron(neuron, /*v_threshold=*/0.5));
  projection_ = layer("proj", true);
}

// The spikes of q, k and v side by side, from y [T, B, N, 3 D]: as one layer of 3 D channels, which spares the copies
// that three would need. With plif each has a tau of its own, so that they run apart.
Tensor SelfAttentionImpl::fire_qkv(const Product& y, const Pass& pass) const {
  const std::array<const SpikingLayer*, 3> layers = {&q_, &k_, &v_};
  if (q_.lif->w.defined()) {
    const auto parts = y.y.chunk(3, -1);
    std::vector<Tensor> spikes;
    for (size_t i = 0; i < 3; ++i) spikes.push_back(layers[i]->fire({parts[i], {}}, {}, pass));
    return torch::cat(spikes, -1);
  }

  const auto joined = [&](const auto& member) { return torch::cat({member(q_), member(k_), member(v_)}); };
  Norm norm{joined([](const SpikingLayer& l) { return l.bn->weight; }),
            joined([](const SpikingLayer& l) { return l.bn->bias; }),
            joined([](const SpikingLayer& l) { return l.bn->running_mean; }),
            joined([](const SpikingLayer& l) { return l.bn->running_var; }),
            q_.weights->bias.defined() ? joined([](const SpikingLayer& l) { return l.weights->bias; }) : Tensor(),
            pass.training && layers[0]->bn->weight.requires_grad(),  // as in SpikingLayer::fire
            !pass.again,
            pass.ranks};
  const Tensor spikes = neurons(y.y, norm, q_.lif->params, {}, {}, pass.type, 0, y.moments, attention_.name);
  const auto means = norm.running_mean.chunk(3), variances = norm.running_var.chunk(3), parts = spikes.chunk(3, -1);
  for (size_t i = 0; i < 3; ++i) {
    if (norm.training && norm.updates) {
      layers[i]->bn->running_mean.copy_(means[i]);
      layers[i]->bn->running_var.copy_(variances[i]);
      layers[i]->bn->num_batches_tracked.add_(1);
    }
    if (pass.observer) (*pass.observer)(layers[i]->name, parts[i]);
  }
  return spikes;
}

Tensor SelfAttentionImpl::forward(const Tensor& x, const Pass& pass) {
  const auto weight = [](const SpikingLayer& layer) { return layer.weights->weight.flatten(1); };
  const Product y = spike_linear(x, torch::cat({weight(q_), weight(k_), weight(v_)}), Values::kCounts,
                                 {attention_.name, pass.sparse_below});
  const Tensor attended = spiking_attention(fire_qkv(y, pass), heads_, scale_);
  return projection_.linear(attention_.fire({attended, {}}, {}, pass), Values::kSpikes, /*residual=*/x, pass);
}

}  // namespace spikemix
