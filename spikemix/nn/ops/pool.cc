// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/pool.h"

#include <tuple>
#include <utility>

#include <ATen/Parallel.h>

#include "spikemix/kernels/spikes/max_pool.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/profile.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

PoolShape shape_of(torch::IntArrayRef images, int64_t stride) {
  return {.H = images[1], .W = images[2], .C = images[3], .stride = stride};
}

// x [images, H, W, C]; `chosen` is undefined in inference.
Tensor pool(const Tensor& x, const Tensor& chosen, int64_t stride) {
  const PoolShape shape = shape_of(x.sizes(), stride);
  const auto y = torch::empty({x.size(0), shape.out_H(), shape.out_W(), shape.C}, x.options());
  with_kernel_type(x, [&]<class X>(X) {
    at::parallel_for(0, x.size(0), 1, [&](int64_t begin, int64_t end) {
      spike_max_pool(shape, begin, end, kernel_data<X>(x), kernel_data<X>(y), kernel_data<uint8_t>(chosen));
    });
  });
  return y;
}

Tensor pool_backward(const Tensor& dy, const Tensor& chosen, torch::IntArrayRef sizes, int64_t stride) {
  const auto dx = torch::empty(sizes, dy.options());
  const PoolShape shape = shape_of(sizes, stride);
  with_kernel_type(dy, [&]<class X>(X) {
    at::parallel_for(0, dx.size(0), 1, [&](int64_t begin, int64_t end) {
      spike_max_pool_backward(shape, begin, end, kernel_data<X>(dy), kernel_data<uint8_t>(chosen), kernel_data<X>(dx));
    });
  });
  return dx;
}

// The same for every device and type, by LibTorch's operators. LibTorch's own backward uses atomic additions on a GPU,
// whose order differs each time.

// y [images, H', W', C], and for each value which of its window's nine values it is, row by row.
std::pair<Tensor, Tensor> aten_pool(const Tensor& x, int64_t stride) {
  Tensor images = x.permute({0, 3, 1, 2});
  // On a GPU, LibTorch 2.11 reads doubles in this order at invalid addresses.
  if (x.scalar_type() == torch::kFloat64) images = images.contiguous();
  const auto [y, place] = at::max_pool2d_with_indices(images, 3, stride, 1);
  const auto corners = [&](int64_t axis) { return stride * torch::arange(y.size(axis), place.options()) - 1; };
  const Tensor row = place.div(x.size(2), "floor") - corners(2).view({-1, 1});
  const Tensor column = place.remainder(x.size(2)) - corners(3);
  const auto channels_last = [](const Tensor& t) { return t.permute({0, 2, 3, 1}).contiguous(); };
  return {channels_last(y), channels_last((3 * row + column).to(torch::kUInt8))};
}

Tensor aten_pool_backward(const Tensor& dy, const Tensor& chosen, torch::IntArrayRef sizes, int64_t stride) {
  const int64_t height = stride * (dy.size(1) - 1) + 1, width = stride * (dy.size(2) - 1) + 1;  // of windows' corners
  const auto framed = torch::zeros({sizes[0], height + 2, width + 2, sizes[3]}, dy.options());
  for (int64_t k = 0; k < 9; ++k) {
    const int64_t row = k / 3, column = k % 3;
    framed.slice(1, row, row + height, stride).slice(2, column, column + width, stride).add_(dy * (chosen == k));
  }
  return framed.slice(1, 1, 1 + sizes[1]).slice(2, 1, 1 + sizes[2]).contiguous();
}

struct PoolFunction : torch::autograd::Function<PoolFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, int64_t stride) {
    const ProfileScope scope("pools", "forward");
    const PoolShape shape = shape_of(x.sizes(), stride);
    Tensor y, chosen;
    if (has_kernels(x)) {
      chosen = torch::empty({x.size(0), shape.out_H(), shape.out_W(), shape.C}, torch::kUInt8);
      y = pool(x, chosen, stride);
    } else {
      std::tie(y, chosen) = aten_pool(x, stride);
    }
    ctx->save_for_backward({chosen});
    ctx->saved_data["sizes"] = x.sizes();
    ctx->saved_data["stride"] = stride;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const ProfileScope scope("pools", "backward");
    const Tensor dy = grads[0].contiguous(), chosen = ctx->get_saved_variables()[0];
    const auto sizes = ctx->saved_data["sizes"].toIntVector();
    const int64_t stride = ctx->saved_data["stride"].toInt();
    const auto backward = has_kernels(dy) ? pool_backward : aten_pool_backward;
    return {backward(dy, chosen, sizes, stride), Tensor()};
  }
};

}  // namespace

Tensor max_pool(const Tensor& x, int64_t stride) {
  std::vector<int64_t> shape = x.sizes().vec();
  const Tensor images = x.contiguous().view({-1, x.size(-3), x.size(-2), x.size(-1)});
  const Tensor y = torch::GradMode::is_enabled() ? PoolFunction::apply(images, stride)
                   : has_kernels(x)              ? pool(images, {}, stride)
                                                 : aten_pool(images, stride).first;
  shape[shape.size() - 3] = y.size(1);
  shape[shape.size() - 2] = y.size(2);
  return y.view(shape);
}

}  // namespace spikemix
