// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/product.h"

#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"
#include "spikemix/nn/ops/processor.h"
#include "spikemix/nn/ops/profile.h"
#include "spikemix/nn/ops/sparse_product.h"
#include "spikemix/nn/ops/winograd.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The constant added to the gradient of every input, as a bias [inputs] of the product that makes the gradient: it
// joins the sum before rounding, so that a bf16 gradient much larger than the constant still moves by it on average.
// None if the constant is 0.
std::optional<Tensor> every_channel(double added, const Tensor& weight, int64_t axis) {
  if (added == 0) return std::nullopt;
  return torch::full({weight.size(axis)}, added, weight.options());
}

// The maps, on x [rows, in] and on x [images, H, W, in]: as matrices, with the weights rounded to x's type. The first
// two can also add up only the spikes.
struct Linear {
  static constexpr bool kSparseSpikes = true, kSparseCounts = true;
  static double macs(const Tensor& x, const Tensor& weight) { return double(x.numel()) * double(weight.size(0)); }
  static Tensor forward(const Tensor& x, const Tensor& weight) {
    const auto type = multiplied_in(x);
    return at::linear(x.to(type), weight.to(x.scalar_type()).to(type)).to(x.scalar_type());
  }
  static double dx_share(const Tensor&) { return 1; }  // the share of the multiplications that backward_x does
  static Tensor backward_x(const Tensor& dy, const Tensor& weight, double added) {
    const auto type = multiplied_in(dy);
    const Tensor w = weight.to(dy.scalar_type()).to(type);
    const std::optional<Tensor> each = every_channel(added, w, 1);
    const auto product = [&](const Tensor& rows) { return each ? at::addmm(*each, rows, w) : at::mm(rows, w); };
    if (type == dy.scalar_type()) return product(dy);
    // In blocks that fit into caches: the intermediate values take as much memory again as dy and dX.
    constexpr int64_t kRows = 256;
    const Tensor dx = torch::empty({dy.size(0), w.size(1)}, dy.options());
    for_chunks(dy.size(0), kRows, [&](int64_t, int64_t begin, int64_t end) {
      dx.slice(0, begin, end).copy_(product(dy.slice(0, begin, end).to(type)));
    });
    return dx;
  }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor&) {
    const auto type = multiplied_in(dy);
    return at::mm(dy.to(type).t(), x.to(type)).to(dy.scalar_type());
  }

  static Tensor sparse_forward(const Packed& x, torch::IntArrayRef, const Tensor& weight, torch::ScalarType type,
                               Moments& moments) {
    return sparse_linear(x, weight.t(), type, moments);
  }
  static Tensor sparse_backward_weight(const Tensor& dy, const Packed& x, torch::IntArrayRef, const Tensor&) {
    return sparse_linear_gradient(x, dy).t();
  }
};

// [images, H, W, C] <-> its view as channels_last [images, C, H, W].
Tensor nchw(const Tensor& x) { return x.permute({0, 3, 1, 2}); }
Tensor nhwc(const Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }
// The weights, rounded to x's type.
Tensor factor(const Tensor& weight, const Tensor& x) {
  return weight.to(x.scalar_type(), false, false, torch::MemoryFormat::ChannelsLast).to(multiplied_in(x));
}
Tensor factor(const Tensor& x) { return nchw(x.to(multiplied_in(x))); }

struct Conv {
  static constexpr bool kSparseSpikes = true, kSparseCounts = true;
  static double macs(const Tensor& x, const Tensor& weight) { return double(x.numel()) * double(weight.size(0) * 9); }

  static Tensor forward(const Tensor& x, const Tensor& weight, double added = 0) {
    const Tensor w = factor(weight, x);
    return nhwc(at::conv2d(factor(x), w, every_channel(added, w, 0), 1, 1)).to(x.scalar_type());
  }
  static double dx_share(const Tensor& dy) { return winograd_share(dy); }
  // As matrices: the convolution with the kernel rotated by 180 degrees. Unlike convolution_backward, it does not need
  // x.
  static Tensor backward_x(const Tensor& dy, const Tensor& weight, double added) {
    if (dx_share(dy) < 1) return winograd_gradient(dy, weight, added);
    return forward(dy, weight.transpose(0, 1).flip({2, 3}), added);
  }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor& weight) {
    constexpr std::array<int64_t, 2> one = {1, 1}, zero = {0, 0};
    return std::get<1>(at::convolution_backward(factor(dy), factor(x), factor(weight, x), std::nullopt, one, one, one,
                                                false, zero, 1, std::array<bool, 3>{false, true, false}))
        .to(dy.scalar_type());
  }

  static PixelGrid grid(torch::IntArrayRef sizes) { return {sizes[0], sizes[1], sizes[2]}; }
  static Tensor sparse_forward(const Packed& x, torch::IntArrayRef sizes, const Tensor& weight, torch::ScalarType type,
                               Moments& moments) {
    const int64_t out = weight.size(0);
    const Tensor weight_t = weight.permute({2, 3, 1, 0}).reshape({-1, out});
    return sparse_conv(x, grid(sizes), weight_t, type, moments).view({sizes[0], sizes[1], sizes[2], out});
  }
  static Tensor sparse_backward_weight(const Tensor& dy, const Packed& x, torch::IntArrayRef sizes,
                                       const Tensor& weight) {
    const Tensor dw = sparse_conv_gradient(x, grid(sizes), dy.view({-1, dy.size(-1)}));
    return dw.view({3, 3, weight.size(1), -1}).permute({3, 2, 0, 1});
  }
};

// A convolution of each channel separately, weight [C, 1, k, k], padding k / 2: only as matrices.
struct Depthwise {
  static constexpr bool kSparseSpikes = false, kSparseCounts = false;
  static double macs(const Tensor& x, const Tensor& weight) {
    return double(x.numel()) * double(weight.size(2) * weight.size(3));
  }

  static Tensor forward(const Tensor& x, const Tensor& weight) {
    return nhwc(at::conv2d(factor(x), factor(weight, x), {}, 1, weight.size(2) / 2, 1, weight.size(0)))
        .to(x.scalar_type());
  }
  static double dx_share(const Tensor&) { return 1; }
  // Always runs dense, even on spikes.
  static Tensor backward_x(const Tensor& dy, const Tensor& weight, double) { return forward(dy, weight.flip({2, 3})); }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor& weight) {
    constexpr std::array<int64_t, 2> one = {1, 1}, zero = {0, 0};
    const std::array<int64_t, 2> padding = {weight.size(2) / 2, weight.size(3) / 2};
    return std::get<1>(at::convolution_backward(factor(dy), factor(x), factor(weight, x), std::nullopt, one, padding,
                                                one, false, zero, weight.size(0),
                                                std::array<bool, 3>{false, true, false}))
        .to(dy.scalar_type());
  }
};

// Groups of n channels, x [rows, groups x n] and weight [groups x n, n]: only as matrices.
struct GroupedLinear {
  static constexpr bool kSparseSpikes = false, kSparseCounts = false;
  static double macs(const Tensor& x, const Tensor& weight) {
    return double(x.size(0)) * double(weight.size(0)) * double(weight.size(1));
  }

  // [rows, groups x n] -> [groups, rows, n], and back.
  static Tensor apart(const Tensor& x, const Tensor& weight) {
    return x.to(multiplied_in(x)).unflatten(1, {-1, weight.size(1)}).transpose(0, 1);
  }
  static Tensor together(const Tensor& x, torch::ScalarType type) { return x.transpose(0, 1).flatten(1).to(type); }
  // [groups, n, n], rounded to x's type.
  static Tensor matrices(const Tensor& weight, const Tensor& x) {
    return weight.to(x.scalar_type()).to(multiplied_in(x)).unflatten(0, {-1, weight.size(1)});
  }

  static Tensor forward(const Tensor& x, const Tensor& weight) {
    return together(at::bmm(apart(x, weight), matrices(weight, x).transpose(1, 2)), x.scalar_type());
  }
  static double dx_share(const Tensor&) { return 1; }
  static Tensor backward_x(const Tensor& dy, const Tensor& weight, double added) {
    const Tensor rows = apart(dy, weight), w = matrices(weight, dy);
    const std::optional<Tensor> each = every_channel(added, w, 2);
    return together(each ? at::baddbmm(*each, rows, w) : at::bmm(rows, w), dy.scalar_type());
  }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor& weight) {
    return at::bmm(apart(dy, weight).transpose(1, 2), apart(x, weight)).flatten(0, 1).to(dy.scalar_type());
  }
};

struct ProductCall : torch::CustomClassHolder {
  Values values;
  ProductSettings settings;
  Moments moments;
  Tensor means;
  std::vector<int64_t> sizes;  // of x
  torch::ScalarType type;
  double macs = 0, adds = 0;
  bool sparse = false, dx = false, dweight = false;

  int64_t inputs() const { return c10::multiply_integers(sizes); }

  template <class Map>
  Tensor forward(const Tensor& x, const Tensor& weight, const Packed& packed) {
    ProfileScope scope(settings.layer, "forward");
    sizes = x.sizes().vec(), type = x.scalar_type();
    if (settings.counts_spikes) means = packed.totals().to(torch::kFloat64).div_(double(x.numel()));
    const double below = settings.sparse_below < 0 ? sparse_pays_below(type, weight.size(0)) : settings.sparse_below;
    macs = Map::macs(x, weight);
    if constexpr (Map::kSparseSpikes) {
      sparse = (values == Values::kSpikes || (values == Values::kCounts && Map::kSparseCounts)) && has_kernels(x) &&
               double(packed.entries()) < below * double(x.numel());
    }
    adds = sparse ? macs * double(packed.entries()) / double(x.numel()) : macs;
    scope.count(macs, adds);
    if constexpr (Map::kSparseSpikes) {
      if (sparse) {
        scope.rename("forward, spikes");
        return Map::sparse_forward(packed, sizes, weight, type, moments);
      }
    }
    return Map::forward(x, weight);
  }

  template <class Map>
  Tensor backward_weight(const Tensor& dy, const Packed& x, const Tensor& weight) const {
    if constexpr (Map::kSparseSpikes) {
      if (sparse) return Map::sparse_backward_weight(dy, x, sizes, weight);
    }
    return Map::backward_weight(dy, x.unpack(), weight);
  }
};

template <class Map>
struct ProductFunction : torch::autograd::Function<ProductFunction<Map>> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight,
                        const c10::intrusive_ptr<ProductCall>& call) {
    const Packed packed = [&] {
      const ProfileScope scope(call->settings.layer, "pack");
      return Packed(x, call->values);
    }();
    call->dx = x.requires_grad(), call->dweight = weight.requires_grad();
    ctx->save_for_backward({packed.tensor(), weight});
    ctx->saved_data["call"] = c10::IValue::make_capsule(call);
    return call->forward<Map>(x, weight, packed);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto call = c10::static_intrusive_pointer_cast<ProductCall>(ctx->saved_data["call"].toCapsule());
    const auto saved = ctx->get_saved_variables();
    const Tensor dy = grads[0].contiguous(), weight = saved[1];
    const Packed x(saved[0], call->values, call->sizes, call->type);
    Tensor dx, dweight;
    if (call->dweight) {
      ProfileScope scope(call->settings.layer, call->sparse ? "dW, spikes" : "dW");
      scope.count(call->macs, call->adds);
      dweight = call->backward_weight<Map>(dy, x, weight).to(weight.scalar_type());
    }
    if (call->dx) {
      const double share = Map::dx_share(dy);
      ProfileScope scope(call->settings.layer, share < 1 ? "dX, Winograd" : "dX");
      scope.count(call->macs, call->macs * share);
      dx = Map::backward_x(dy, weight, call->settings.spike_cost / double(call->inputs()));
    }
    return {dx, dweight, Tensor()};
  }
};

template <class Map>
Product apply(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  auto call = c10::make_intrusive<ProductCall>();
  call->values = values, call->settings = settings;
  const Tensor y = torch::GradMode::is_enabled() ? ProductFunction<Map>::apply(x, weight, call)
                                                 : call->forward<Map>(x, weight, Packed(x, values));
  return {y, call->moments, call->means};
}

template <class Map>
Product apply_to_images(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  std::vector<int64_t> shape = x.sizes().vec();
  const Tensor images = x.contiguous().view({-1, x.size(-3), x.size(-2), x.size(-1)});
  Product product = apply<Map>(images, weight, values, settings);
  shape.back() = weight.size(0);
  product.y = product.y.view(shape);
  return product;
}

}  // namespace

Product spike_linear(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  std::vector<int64_t> shape = x.sizes().vec();
  Product product = apply<Linear>(x.contiguous().view({-1, shape.back()}), weight, values, settings);
  shape.back() = weight.size(0);
  product.y = product.y.view(shape);
  return product;
}

Product grouped_linear(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  Product product = apply<GroupedLinear>(x.contiguous().view({-1, x.size(-1)}), weight, values, settings);
  product.y = product.y.view(x.sizes());
  return product;
}

// Groups count as more tokens, or more pictures.
Product shared_conv(const Tensor& x, const Tensor& weight, int64_t groups, Values values,
                    const ProductSettings& settings) {
  const Tensor apart = x.unflatten(-1, {groups, -1});
  if (weight.size(-1) == 1) {
    const Product product = spike_linear(apart, weight.flatten(1), values, settings);
    return {product.y.flatten(-2), {}, product.means};
  }
  const Product product = spike_conv(apart.movedim(-2, -4), weight, values, settings);
  return {product.y.movedim(-4, -2).flatten(-2), {}, product.means};
}

Product spike_conv(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  return apply_to_images<Conv>(x, weight, values, settings);
}

Product depthwise_conv(const Tensor& x, const Tensor& weight, Values values, const ProductSettings& settings) {
  return apply_to_images<Depthwise>(x, weight, values, settings);
}

}  // namespace spikemix
