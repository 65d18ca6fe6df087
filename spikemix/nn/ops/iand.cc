// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/iand.h"

#include "spikemix/nn/ops/packed.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor without(const Tensor& x, const Tensor& y) { return x - x * y; }

struct IandFunction : torch::autograd::Function<IandFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& y) {
    ctx->save_for_backward({Packed(x, Values::kSpikes).tensor(), Packed(y, Values::kSpikes).tensor()});
    ctx->saved_data["sizes"] = x.sizes();
    ctx->saved_data["type"] = x.scalar_type();
    return without(x, y);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    const auto unpacked = [&](const Tensor& packed) {
      return Packed(packed, Values::kSpikes, sizes, ctx->saved_data["type"].toScalarType()).unpack();
    };
    const Tensor& dz = grads[0];
    return {without(dz, unpacked(saved[1])), dz * unpacked(saved[0]).neg_()};
  }
};

}  // namespace

Tensor iand(const Tensor& x, const Tensor& y) {
  if (!torch::GradMode::is_enabled()) return without(x, y);
  return IandFunction::apply(x.contiguous(), y.contiguous());
}

}  // namespace spikemix
