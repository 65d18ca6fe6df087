#include "spikemix/train/muon.h"

#include <algorithm>
#include <cmath>

#include "spikemix/nn/processor.h"
#include "spikemix/train/precision.h"

namespace spikemix {

Muon::Muon(const NamedTensors& parameters, const TrainConfig& config)
    : beta_(config.momentum), weight_decay_(config.weight_decay), type_(product_type(config.precision)) {
  for (const auto& [name, parameter] : parameters) {
    names_.push_back(name);
    parameters_.push_back(parameter);
    momentum_.push_back(torch::zeros_like(parameter));
  }
}

void Muon::step(double lr) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor& weight = parameters_[i];
    const torch::Tensor& gradient = weight.grad();
    if (!gradient.defined()) continue;  // the loss did not reach it
    momentum_[i].lerp_(gradient, 1 - beta_);
    const torch::Tensor step = orthogonalised(gradient.lerp(momentum_[i], beta_).flatten(1), type_);
    const double rms_of_adamw = 0.2 * std::sqrt(double(std::max(step.size(0), step.size(1))));
    weight.mul_(1 - lr * weight_decay_);
    weight.add_(step.view_as(weight), -lr * rms_of_adamw);
  }
}

NamedTensors Muon::state() const {
  NamedTensors tensors;
  for (size_t i = 0; i < names_.size(); ++i) tensors.emplace_back(names_[i] + ".momentum", momentum_[i]);
  return tensors;
}

torch::Tensor orthogonalised(const torch::Tensor& matrix, torch::ScalarType type) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;  // Jordan's quintic: a s + b s^3 + c s^5
  const bool tall = matrix.size(0) > matrix.size(1);
  torch::Tensor x = (tall ? matrix.t() : matrix).to(type);
  x = x.to(multiplied_in(x));
  x = x / x.norm().clamp_min(1e-7);
  for (int step = 0; step < 5; ++step) {
    const torch::Tensor xx = x.mm(x.t());
    x = torch::addmm(x, torch::addmm(xx, xx, xx, b, c), x, a);
  }
  return tall ? x.t() : x;
}

}  // namespace spikemix
