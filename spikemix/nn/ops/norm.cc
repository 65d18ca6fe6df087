// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/norm.h"

#include <algorithm>

#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kEps = 1e-5, kMomentum = 0.1;

// The moments over all ranks' values, of which each rank holds an equal number. In double, so that the difference of
// squares loses nothing that fp32 held.
Moments of_all_ranks(const Moments& own, Ranks& ranks) {
  const Tensor mean = own.mean.to(torch::kFloat64);
  Tensor sums = torch::stack({mean, own.variance.to(torch::kFloat64) + mean.square()});
  ranks.sum(sums);
  sums.div_(double(ranks.count()));
  const auto type = own.mean.scalar_type();
  return {sums[0].to(type), (sums[1] - sums[0].square()).clamp_min_(0).to(type)};
}

}  // namespace

BatchNormImpl::BatchNormImpl(int64_t channels) {
  weight = register_parameter("weight", torch::ones({channels}));
  bias = register_parameter("bias", torch::zeros({channels}));
  running_mean = register_buffer("running_mean", torch::zeros({channels}));
  running_var = register_buffer("running_var", torch::ones({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}, torch::kInt64));
}

BatchStatistics BatchStatistics::of(const Norm& norm, const Moments& known, int64_t copies) {
  BatchStatistics statistics;
  statistics.norm = norm, statistics.known = known, statistics.copies = copies;
  for (Tensor* t : {&statistics.norm.weight, &statistics.norm.bias, &statistics.norm.linear_bias})
    if (t->defined()) *t = t->detach();
  return statistics;
}

void BatchStatistics::compute(const Tensor& y) {
  Tensor variance;
  if (norm.training) {
    Moments moments = known.mean.defined() ? known : has_kernels(y) ? cpu::moments(y) : aten::moments(y);
    if (norm.ranks) moments = of_all_ranks(moments, *norm.ranks);
    mean = moments.mean;
    variance = moments.variance;
    const double n = count(y) * double(ranks());
    if (norm.updates) {
      norm.running_mean.lerp_(norm.linear_bias.defined() ? mean + norm.linear_bias : mean, kMomentum);
      norm.running_var.lerp_(variance * (n / std::max(n - 1, 1.0)), kMomentum);
    }
  } else {
    mean = norm.linear_bias.defined() ? norm.running_mean - norm.linear_bias : norm.running_mean.clone();
    variance = norm.running_var;
  }
  inverse_std = (variance + kEps).rsqrt_();
  scale = norm.weight * inverse_std;
  shift = norm.bias - mean * scale;
}

BatchStatistics::Gradients BatchStatistics::gradients(const Tensor& y, Tensor sum_dz, Tensor sum_dz_y) const {
  Gradients g;
  g.weight = sum_dz_y * inverse_std;
  g.bias = sum_dz;  // both are this rank's share: gradients are averaged over the ranks like any other
  if (norm.training) {
    // dy = scale (dz - mean(dz) - y^ mean(dz y^)), y^ = (y - mean) / std; for y seen T times, the sum of T such terms.
    const double share = double(copies) / (count(y) * double(ranks()));
    if (norm.ranks) {
      Tensor sums = torch::stack({sum_dz, sum_dz_y}).to(torch::kFloat64);
      norm.ranks->sum(sums);
      sums = sums.to(sum_dz.scalar_type());
      sum_dz = sums[0], sum_dz_y = sums[1];
    }
    g.b = scale * inverse_std.square() * sum_dz_y * -share;
    g.c = scale * sum_dz * -share;
    if (norm.linear_bias.defined()) g.linear_bias = torch::zeros_like(norm.linear_bias);
  } else {
    g.b = g.c = torch::zeros_like(scale);
    if (norm.linear_bias.defined()) g.linear_bias = scale * sum_dz;
  }
  return g;
}

namespace {

struct BatchNormCall : torch::CustomClassHolder {
  BatchStatistics statistics;
  std::string layer;

  Tensor forward(const Tensor& y, const Tensor& residual) {
    ProfileScope scope(layer, "norm");
    const double z_bytes = double(y.numel()) * (y.scalar_type() == torch::kFloat64 ? 8 : 4);
    scope.moves(double(y.nbytes()) * (statistics.norm.training && !statistics.known.mean.defined() ? 2 : 1) +
                z_bytes * (residual.defined() ? 2 : 1));
    statistics.compute(y);
    return has_kernels(y) ? cpu::norm_forward(y, statistics.scale, statistics.shift, residual)
                          : aten::norm_forward(y, statistics.scale, statistics.shift, residual);
  }
};

struct BatchNormFunction : torch::autograd::Function<BatchNormFunction> {
  // These tensors are in `call` already; they are arguments for their gradients.
  using Optional = std::optional<Tensor>;
  static Tensor forward(AutogradContext* ctx, const Tensor& y, const Tensor& /*weight*/, const Tensor& /*bias*/,
                        const Optional& /*linear_bias*/, const Optional& residual,
                        const c10::intrusive_ptr<BatchNormCall>& call) {
    const Tensor z = call->forward(y, residual.value_or(Tensor()));
    ctx->save_for_backward({y});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    ctx->saved_data["residual"] = residual.has_value() && residual->defined();
    return z;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto call = c10::static_intrusive_pointer_cast<BatchNormCall>(ctx->saved_data["call"].toCapsule());
    ProfileScope scope(call->layer, "norm, backward");
    const BatchStatistics& s = call->statistics;
    const Tensor y = ctx->get_saved_variables()[0], dz = grads[0].contiguous();
    scope.moves(3 * double(y.nbytes()) + 2 * double(dz.nbytes()));
    const auto [sum_dz, sum_dz_y] = has_kernels(y) ? cpu::norm_sums(y, s.mean, dz) : aten::norm_sums(y, s.mean, dz);
    const auto g = s.gradients(y, sum_dz, sum_dz_y);
    Tensor dy = torch::empty_like(y);
    if (has_kernels(y))
      cpu::norm_backward(y, s.mean, s.scale, g.b, g.c, dz, dy);
    else
      aten::norm_backward(y, s.mean, s.scale, g.b, g.c, dz, dy);
    return {dy, g.weight, g.bias, g.linear_bias, ctx->saved_data["residual"].toBool() ? dz : Tensor(), Tensor()};
  }
};

}  // namespace

Tensor batch_norm(const Tensor& y, const Norm& norm, const Tensor& residual, int64_t copies, const Moments& moments,
                  const std::string& layer) {
  auto call = c10::make_intrusive<BatchNormCall>();
  call->statistics = BatchStatistics::of(norm, moments, copies);
  call->layer = layer;
  const int64_t C = y.size(-1);
  const Tensor rows = y.contiguous().view({-1, C});
  const Tensor carried = residual.defined() ? residual.contiguous().view({-1, C}) : residual;
  const Tensor z = torch::GradMode::is_enabled()
                       ? BatchNormFunction::apply(rows, norm.weight, norm.bias, std::optional(norm.linear_bias),
                                                  std::optional(carried), call)
                       : call->forward(rows, carried);
  return z.view(y.sizes());
}

}  // namespace spikemix
