// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/attention.h"

#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/ops/processor.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Heads {
  Tensor q, k, v;  // [T B heads, N, D / heads], in the type that the products use
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

namespace {

// Sums of spikes, exact.
Tensor sum_of(const Tensor& spikes, int64_t axis) {
  const auto type = spikes.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return spikes.sum(axis, /*keepdim=*/true, type);
}

}  // namespace

Tensor qk_token_attention(const Tensor& qk, int64_t heads, const Fire& fire) {
  const auto parts = qk.chunk(2, -1);
  const Tensor q = parts[0].unflatten(-1, {heads, -1}), k = parts[1].unflatten(-1, {heads, -1});
  return (k * fire(sum_of(q, -1).squeeze(-1)).unsqueeze(-1)).flatten(-2);
}

Tensor qk_channel_attention(const Tensor& qk, const Fire& fire) {
  const auto parts = qk.chunk(2, -1);
  return parts[1] * fire(sum_of(parts[0], -2));
}

Tensor spike_driven_attention(const Tensor& qkv, const Fire& fire) {
  const auto parts = qkv.chunk(3, -1);
  return parts[0] * fire(sum_of(parts[1] * parts[2], -2));
}

}  // namespace spikemix
