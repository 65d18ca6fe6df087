#include "spikemix/nn/pool.h"

#include <ATen/Parallel.h>

#include "spikemix/kernels/spikes/max_pool.h"
#include "spikemix/nn/kernel_data.h"
#include "spikemix/nn/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x [images, H, W, C]; `chosen` is undefined in inference.
Tensor pool(const Tensor& x, const Tensor& chosen) {
  const PoolShape shape{.H = x.size(1), .W = x.size(2), .C = x.size(3)};
  const auto y = torch::empty({x.size(0), shape.out_H(), shape.out_W(), shape.C}, x.options());
  with_kernel_type(x, [&]<class X>(X) {
    at::parallel_for(0, x.size(0), 1, [&](int64_t begin, int64_t end) {
      spike_max_pool(shape, begin, end, kernel_data<X>(x), kernel_data<X>(y), kernel_data<uint8_t>(chosen));
    });
  });
  return y;
}

struct PoolFunction : torch::autograd::Function<PoolFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x) {
    const ProfileScope scope("pools", "forward");
    const PoolShape shape{.H = x.size(1), .W = x.size(2), .C = x.size(3)};
    const auto chosen = torch::empty({x.size(0), shape.out_H(), shape.out_W(), shape.C}, torch::kUInt8);
    ctx->save_for_backward({chosen});
    ctx->saved_data["sizes"] = x.sizes();
    return pool(x, chosen);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const ProfileScope scope("pools", "backward");
    const Tensor dy = grads[0].contiguous(), chosen = ctx->get_saved_variables()[0];
    const auto dx = torch::empty(ctx->saved_data["sizes"].toIntVector(), dy.options());
    const PoolShape shape{.H = dx.size(1), .W = dx.size(2), .C = dx.size(3)};
    with_kernel_type(dy, [&]<class X>(X) {
      at::parallel_for(0, dx.size(0), 1, [&](int64_t begin, int64_t end) {
        spike_max_pool_backward(shape, begin, end, kernel_data<X>(dy), kernel_data<uint8_t>(chosen),
                                kernel_data<X>(dx));
      });
    });
    return {dx};
  }
};

}  // namespace

Tensor spike_max_pool(const Tensor& x) {
  std::vector<int64_t> shape = x.sizes().vec();
  const Tensor images = x.contiguous().view({-1, x.size(-3), x.size(-2), x.size(-1)});
  Tensor y;
  if (!has_kernels(x))
    y = at::max_pool2d(images.permute({0, 3, 1, 2}), 3, 2, 1).permute({0, 2, 3, 1}).contiguous();
  else if (torch::GradMode::is_enabled())
    y = PoolFunction::apply(images);
  else
    y = pool(images, {});
  shape[shape.size() - 3] = y.size(1);
  shape[shape.size() - 2] = y.size(2);
  return y.view(shape);
}

}  // namespace spikemix
