// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/recompute.h"

#include <utility>

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Recomputation : torch::CustomClassHolder {
  Part part;
  variable_list parameters;
  Pass pass;
  Values values;
  std::vector<int64_t> sizes;  // of x
  torch::ScalarType type;
};

Tensor flat(const variable_list& tensors) {
  if (tensors.empty()) return torch::zeros({0});
  variable_list parts;
  for (const Tensor& t : tensors) parts.push_back(t.flatten());
  return torch::cat(parts);
}

// torch::autograd::Function takes no list of tensors, so the parameters enter the graph as their concatenation, whose
// values nobody reads.
struct RecomputedFunction : torch::autograd::Function<RecomputedFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& /*parameters*/,
                        const c10::intrusive_ptr<Recomputation>& call) {
    ctx->save_for_backward({Packed(x, call->values).tensor()});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    ctx->saved_data["dx"] = x.requires_grad();
    return call->part(x, call->pass);  // Function::apply has switched gradients off
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto call = c10::static_intrusive_pointer_cast<Recomputation>(ctx->saved_data["call"].toCapsule());
    const bool dx = ctx->saved_data["dx"].toBool();
    Pass pass = call->pass;
    pass.again = true, pass.observer = nullptr, pass.meter = nullptr;

    Tensor x, y;
    {
      const torch::AutoGradMode graph(true);
      x = Packed(ctx->get_saved_variables()[0], call->values, call->sizes, call->type).unpack().detach();
      x.requires_grad_(dx);
      y = call->part(x, pass);
    }
    variable_list wanted = call->parameters;
    if (dx) wanted.push_back(x);
    variable_list gradients = torch::autograd::grad({y}, wanted, {grads[0]});
    const Tensor x_gradient = dx ? gradients.back() : Tensor();
    if (dx) gradients.pop_back();
    return {x_gradient, flat(gradients), Tensor()};
  }
};

}  // namespace

Tensor recomputed(const Part& part, const std::vector<Tensor>& parameters, const Tensor& x, Values values,
                  const Pass& pass) {
  if (!torch::GradMode::is_enabled() || (parameters.empty() && !x.requires_grad())) return part(x, pass);
  auto call = c10::make_intrusive<Recomputation>();
  call->part = part, call->parameters = parameters, call->pass = pass, call->values = values;
  call->sizes = x.sizes().vec(), call->type = x.scalar_type();
  return RecomputedFunction::apply(x.contiguous(), flat(parameters), call);
}

}  // namespace spikemix
