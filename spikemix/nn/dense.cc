#include "spikemix/nn/dense.h"

namespace spikemix {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The two maps, on x [rows, in] and on x [images, H, W, in]. `weight` is in x's type already.
struct Linear {
  static Tensor prepare(const Tensor& weight, torch::ScalarType type) { return weight.to(type); }
  static Tensor forward(const Tensor& x, const Tensor& weight) { return at::linear(x, weight); }
  static Tensor backward_x(const Tensor& dy, const Tensor& /*x*/, const Tensor& weight) { return at::mm(dy, weight); }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor&) { return at::mm(dy.t(), x); }
};

struct Conv {
  // [images, H, W, C] <-> its view as channels_last [images, C, H, W].
  static Tensor nchw(const Tensor& x) { return x.permute({0, 3, 1, 2}); }
  static Tensor nhwc(const Tensor& x) { return x.permute({0, 2, 3, 1}).contiguous(); }

  static Tensor prepare(const Tensor& weight, torch::ScalarType type) {
    return weight.to(type, false, false, torch::MemoryFormat::ChannelsLast);
  }
  static Tensor forward(const Tensor& x, const Tensor& weight) { return nhwc(at::conv2d(nchw(x), weight, {}, 1, 1)); }
  static auto backward(const Tensor& dy, const Tensor& x, const Tensor& weight, std::array<bool, 3> wanted) {
    constexpr std::array<int64_t, 2> one = {1, 1}, zero = {0, 0};
    return at::convolution_backward(nchw(dy), nchw(x), weight, std::nullopt, one, one, one, false, zero, 1, wanted);
  }
  static Tensor backward_x(const Tensor& dy, const Tensor& x, const Tensor& weight) {
    return nhwc(std::get<0>(backward(dy, x, weight, {true, false, false})));
  }
  static Tensor backward_weight(const Tensor& dy, const Tensor& x, const Tensor& weight) {
    return std::get<1>(backward(dy, x, weight, {false, true, false}));
  }
};

template <class Map>
struct DenseFunction : torch::autograd::Function<DenseFunction<Map>> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, int64_t values) {
    const Tensor w = Map::prepare(weight, x.scalar_type());
    const Packed packed(x, Values(values));
    ctx->save_for_backward({packed.tensor(), w});
    ctx->saved_data["values"] = values;
    ctx->saved_data["sizes"] = x.sizes();
    ctx->saved_data["type"] = x.scalar_type();
    ctx->saved_data["dx"] = x.requires_grad();
    ctx->saved_data["dweight"] = weight.requires_grad();
    ctx->saved_data["weight_type"] = weight.scalar_type();
    return Map::forward(x, w);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    auto& data = ctx->saved_data;
    const auto saved = ctx->get_saved_variables();
    const Tensor dy = grads[0].contiguous();
    const Tensor x =
        Packed(saved[0], Values(data["values"].toInt()), data["sizes"].toIntVector(), data["type"].toScalarType())
            .unpack();
    Tensor dx, dweight;
    if (data["dweight"].toBool())
      dweight = Map::backward_weight(dy, x, saved[1]).to(data["weight_type"].toScalarType());
    if (data["dx"].toBool()) dx = Map::backward_x(dy, x, saved[1]);
    return {dx, dweight, Tensor()};
  }
};

template <class Map>
Tensor apply(const Tensor& x, const Tensor& weight, Values values) {
  if (!torch::GradMode::is_enabled()) return Map::forward(x, Map::prepare(weight, x.scalar_type()));
  return DenseFunction<Map>::apply(x, weight, int64_t(values));
}

}  // namespace

Tensor spike_linear(const Tensor& x, const Tensor& weight, Values values) {
  std::vector<int64_t> shape = x.sizes().vec();
  const Tensor y = apply<Linear>(x.contiguous().view({-1, shape.back()}), weight, values);
  shape.back() = weight.size(0);
  return y.view(shape);
}

Tensor spike_conv(const Tensor& x, const Tensor& weight, Values values) {
  std::vector<int64_t> shape = x.sizes().vec();
  const Tensor images = x.contiguous().view({-1, x.size(-3), x.size(-2), x.size(-1)});
  const Tensor y = apply<Conv>(images, weight, values);
  shape.back() = weight.size(0);
  return y.view(shape);
}

}  // namespace spikemix
