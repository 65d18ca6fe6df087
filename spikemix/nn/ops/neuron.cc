// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/neuron.h"

#include <algorithm>
#include <cmath>

#include "spikemix/kernels/lif/lif_params.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/neuron_passes.h"
#include "spikemix/nn/ops/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What one call computes with. Its tensors are [C] vectors; those with gradients are also arguments of the function.
struct NeuronCall : torch::CustomClassHolder {
  NeuronPasses passes;
  BatchStatistics statistics;
  torch::ScalarType spikes = torch::kFloat32;
  std::string layer;

  bool has_norm() const { return statistics.norm.weight.defined(); }

  Tensor forward(const Tensor& y, const Tensor& residual) {
    ProfileScope scope(layer, "neurons");
    const auto value = double(y.element_size());
    scope.moves(double(y.numel()) * value * (statistics.norm.training && !statistics.known.mean.defined() ? 2 : 1) +
                double(y.numel()) * double(passes.same_x ? passes.T : 1) * double(c10::elementSize(spikes)) *
                    (residual.defined() ? 2 : 1));
    if (has_norm()) {
      statistics.compute(y);
      passes.scale = statistics.scale, passes.shift = statistics.shift, passes.mean = statistics.mean;
    }
    return on_cpu(y) ? cpu::forward(passes, y, residual, spikes) : aten::forward(passes, y, residual, spikes);
  }

  bool on_cpu(const Tensor& y) const { return has_kernels(y) && spikes != torch::kFloat64; }
};

struct NeuronsFunction : torch::autograd::Function<NeuronsFunction> {
  // These tensors are in `call` already; they are arguments for their gradients.
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
    const Tensor y = ctx->get_saved_variables()[0], ds = grads[0].contiguous();
    // y is read in both passes; dz is written in both and read in one.
    scope.moves(5 * double(y.nbytes()) + double(ds.nbytes()));
    NeuronGradients g = call->on_cpu(y) ? cpu::backward(p, y, ds) : aten::backward(p, y, ds);

    BatchStatistics::Gradients of_norm;
    Tensor dw;
    if (call->has_norm()) {
      of_norm = call->statistics.gradients(y, g.sum_dz, g.sum_dz_x);
      if (call->on_cpu(y))
        cpu::norm_backward(y, p.mean, p.scale, of_norm.b, of_norm.c, g.dz, g.dz);
      else
        aten::norm_backward(y, p.mean, p.scale, of_norm.b, of_norm.c, g.dz, g.dz);
    }
    if (p.w.defined()) {
      const Tensor k = p.w.sigmoid();
      dw = (g.dk * k * (1 - k)).to(p.w.scalar_type());
    }
    return {g.dz,         of_norm.weight,
            of_norm.bias, of_norm.linear_bias,
            dw,           ctx->saved_data["residual"].toBool() ? ds : Tensor(),
            Tensor()};
  }
};

}  // namespace

NeuronImpl::NeuronImpl(const NeuronConfig& config, std::optional<double> v_threshold)
    : params(lif_params(config, v_threshold)) {
  if (config.kind == "plif") w = register_parameter("w", torch::full({}, -std::log(config.tau - 1), torch::kFloat32));
}

Tensor neurons(const Tensor& y, const Norm& norm, const LifParams& params, const Tensor& w, const Tensor& residual,
               torch::ScalarType spikes, int64_t repeat_T, const Moments& moments, const std::string& layer) {
  auto call = c10::make_intrusive<NeuronCall>();
  call->passes.lif = params;
  call->passes.w = w.defined() ? w.detach() : w;
  call->passes.same_x = repeat_T > 0;
  call->passes.T = repeat_T > 0 ? repeat_T : y.size(0);
  call->statistics = BatchStatistics::of(norm, moments, std::max<int64_t>(repeat_T, 1));
  call->spikes = spikes;
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
