#include "spikemix/nn/neuron.h"

#include <cmath>

#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/nn/kernel_data.h"
#include "spikemix/nn/neuron_passes.h"
#include "spikemix/nn/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double kEps = 1e-5, kMomentum = 0.1;

// The moments of all ranks' values, of which each holds equally many. In double, where the squares' difference loses
// nothing that fp32 held.
Moments of_all_ranks(const Moments& own, Ranks& ranks) {
  const Tensor mean = own.mean.to(torch::kFloat64);
  Tensor sums = torch::stack({mean, own.variance.to(torch::kFloat64) + mean.square()});
  ranks.sum(sums);
  sums.div_(double(ranks.count()));
  const auto type = own.mean.scalar_type();
  return {sums[0].to(type), (sums[1] - sums[0].square()).clamp_min_(0).to(type)};
}

// What one call computes with. Its tensors are [C] vectors; those with gradients are arguments of the function too.
struct NeuronCall : torch::CustomClassHolder {
  NeuronPasses passes;
  Norm norm;
  Tensor inverse_std;
  torch::ScalarType spikes = torch::kFloat32;
  Moments known;
  std::string layer;

  // Statistics to scale and shift: BN(y + linear_bias) = scale y + shift.
  void normalise(const Tensor& y) {
    NeuronPasses& p = passes;
    Tensor variance;
    if (norm.training) {
      Moments moments = known.mean.defined() ? known : on_cpu(y) ? cpu::moments(y) : aten::moments(y);
      if (norm.ranks) moments = of_all_ranks(moments, *norm.ranks);
      p.mean = moments.mean;
      variance = moments.variance;
      const double n = count(y) * double(ranks());
      if (norm.updates) {
        norm.running_mean.lerp_(norm.linear_bias.defined() ? p.mean + norm.linear_bias : p.mean, kMomentum);
        norm.running_var.lerp_(variance * (n / std::max(n - 1, 1.0)), kMomentum);
      }
    } else {
      p.mean = norm.linear_bias.defined() ? norm.running_mean - norm.linear_bias : norm.running_mean.clone();
      variance = norm.running_var;
    }
    inverse_std = (variance + kEps).rsqrt_();
    p.scale = norm.weight * inverse_std;
    p.shift = norm.bias - p.mean * p.scale;
  }

  Tensor forward(const Tensor& y, const Tensor& residual) {
    ProfileScope scope(layer, "neurons");
    const auto value = double(y.element_size());
    scope.moves(double(y.numel()) * value * (norm.training && !known.mean.defined() ? 2 : 1) +
                double(y.numel()) * double(passes.same_x ? passes.T : 1) * double(c10::elementSize(spikes)) *
                    (residual.defined() ? 2 : 1));
    if (norm.weight.defined()) normalise(y);
    return on_cpu(y) ? cpu::forward(passes, y, residual, spikes) : aten::forward(passes, y, residual, spikes);
  }

  // Values of one channel that the statistics are over.
  double count(const Tensor& y) const { return double(y.numel() / y.size(-1) * (passes.same_x ? passes.T : 1)); }
  int64_t ranks() const { return norm.ranks ? norm.ranks->count() : 1; }
  bool on_cpu(const Tensor& y) const { return has_kernels(y) && spikes != torch::kFloat64; }
};

struct NeuronsFunction : torch::autograd::Function<NeuronsFunction> {
  // The tensors that are in `call` already are named here for their gradients.
  using Optional = std::optional<Tensor>;
  static Tensor forward(AutogradContext* ctx, const Tensor& y, const Optional& /*weight*/, const Optional& /*bias*/,
                        const Optional& /*linear_bias*/, const Optional& /*w*/, const Optional& residual,
                        const c10::intrusive_ptr<NeuronCall>& call) {
    const Tensor s = call->forward(y, residual.value_or(Tensor()));
    ctx->save_for_backward({y});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    ctx->saved_data["residual"] = residual.has_value() && residual->defined();
    return s;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto call = c10::static_intrusive_pointer_cast<NeuronCall>(ctx->saved_data["call"].toCapsule());
    ProfileScope scope(call->layer, "neurons, backward");
    const NeuronPasses& p = call->passes;
    const Norm& norm = call->norm;
    const Tensor y = ctx->get_saved_variables()[0], ds = grads[0].contiguous();
    // y is read by both passes, dz written by both and read by one.
    scope.moves(5 * double(y.nbytes()) + double(ds.nbytes()));
    NeuronGradients g = call->on_cpu(y) ? cpu::backward(p, y, ds) : aten::backward(p, y, ds);

    Tensor dweight, dbias, dlinear_bias, dw;
    if (norm.weight.defined()) {
      dweight = g.sum_dz_x * call->inverse_std;
      dbias = g.sum_dz;  // both of this rank's share: gradients are averaged over the ranks like any other
      Tensor b, c;
      if (norm.training) {
        // dy = scale (dz - mean(dz) - x^ mean(dz x^)), x^ = (y - mean) / std; for y seen T times, the sum of T such
        // terms.
        const double share = (p.same_x ? double(p.T) : 1.0) / (call->count(y) * double(call->ranks()));
        Tensor sum_dz = g.sum_dz, sum_dz_x = g.sum_dz_x;
        if (norm.ranks) {
          Tensor sums = torch::stack({sum_dz, sum_dz_x}).to(torch::kFloat64);
          norm.ranks->sum(sums);
          sums = sums.to(sum_dz.scalar_type());
          sum_dz = sums[0], sum_dz_x = sums[1];
        }
        b = p.scale * call->inverse_std.square() * sum_dz_x * -share;
        c = p.scale * sum_dz * -share;
        if (norm.linear_bias.defined()) dlinear_bias = torch::zeros_like(norm.linear_bias);
      } else {
        b = c = torch::zeros_like(p.scale);
        if (norm.linear_bias.defined()) dlinear_bias = p.scale * g.sum_dz;
      }
      if (call->on_cpu(y))
        cpu::norm_backward(y, p.mean, p.scale, b, c, g.dz);
      else
        aten::norm_backward(y, p.mean, p.scale, b, c, g.dz);
    }
    if (p.w.defined()) {
      const Tensor k = p.w.sigmoid();
      dw = (g.dk * k * (1 - k)).to(p.w.scalar_type());
    }
    return {g.dz, dweight, dbias, dlinear_bias, dw, ctx->saved_data["residual"].toBool() ? ds : Tensor(), Tensor()};
  }
};

}  // namespace

NeuronImpl::NeuronImpl(const NeuronConfig& config, std::optional<double> v_threshold)
    : params(lif_params(config, v_threshold)) {
  if (config.kind == "plif") w = register_parameter("w", torch::full({}, -std::log(config.tau - 1), torch::kFloat32));
}

BatchNormImpl::BatchNormImpl(int64_t channels) {
  weight = register_parameter("weight", torch::ones({channels}));
  bias = register_parameter("bias", torch::zeros({channels}));
  running_mean = register_buffer("running_mean", torch::zeros({channels}));
  running_var = register_buffer("running_var", torch::ones({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::zeros({}, torch::kInt64));
}

Tensor neurons(const Tensor& y, const Norm& norm, const LifParams& params, const Tensor& w, const Tensor& residual,
               torch::ScalarType spikes, int64_t repeat_T, const Moments& moments, const std::string& layer) {
  auto call = c10::make_intrusive<NeuronCall>();
  call->passes.lif = params;
  call->passes.w = w.defined() ? w.detach() : w;
  call->passes.same_x = repeat_T > 0;
  call->passes.T = repeat_T > 0 ? repeat_T : y.size(0);
  call->norm = norm;
  for (Tensor* t : {&call->norm.weight, &call->norm.bias, &call->norm.linear_bias})
    if (t->defined()) *t = t->detach();
  call->spikes = spikes;
  call->known = moments;
  call->layer = layer;

  std::vector<int64_t> shape = y.sizes().vec();
  if (repeat_T > 0) shape.insert(shape.begin(), repeat_T);
  const int64_t C = y.size(-1);
  const Tensor rows = repeat_T > 0 ? y.contiguous().view({-1, C}) : y.contiguous().view({y.size(0), -1, C});
  const Tensor carried = residual.defined() ? residual.contiguous().view({shape[0], -1, C}) : residual;
  const Tensor s =
      torch::GradMode::is_enabled()
          ? NeuronsFunction::apply(rows, std::optional(norm.weight), std::optional(norm.bias),
                                   std::optional(norm.linear_bias), std::optional(w), std::optional(carried), call)
          : call->forward(rows, carried);
  return s.view(shape);
}

}  // namespace spikemix
