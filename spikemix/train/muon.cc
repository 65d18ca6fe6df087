// SPDX-License-Identifier: MIT
#include "spikemix/train/muon.h"

#include <algorithm>
#include <cmath>

#include "spikemix/nn/ops/processor.h"
#include "spikemix/train/precision.h"

namespace spikemix {
namespace {

constexpr double a = 3.4445, b = -4.7750, c = 2.0315;  // Jordan's quintic: a s + b s^3 + c s^5
constexpr int kSteps = 5;

torch::Tensor newton_schulz(torch::Tensor x) {
  for (int step = 0; step < kSteps; ++step) {
    const torch::Tensor xx = x.mm(x.t());
    x = torch::addmm(x, torch::addmm(xx, xx, xx, b, c), x, a);
  }
  return x;
}

// Computes the same steps as a matrix [m, m] by which x is then multiplied once: each step multiplies x by a + b A + c
// A^2 with A = x x', and polynomials in A commute. Saves most of the work if x [m, n] is much wider than high.
torch::Tensor polynomials(torch::Tensor A) {
  torch::Tensor product;
  for (int step = 0; step < kSteps; ++step) {
    const torch::Tensor p = torch::addmm(A, A, A, b, c);
    p.diagonal().add_(a);
    product = step == 0 ? p : p.mm(product);
    if (step + 1 < kSteps) A = p.mm(A).mm(p);
  }
  return product;
}

}  // namespace

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
    if (!gradient.defined()) continue;  // no gradient reached it
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
  const bool tall = matrix.size(0) > matrix.size(1);
  torch::Tensor x = (tall ? matrix.t() : matrix).to(type);
  x = x.to(multiplied_in(x));
  x = x / x.norm().clamp_min(1e-7);
  // A's rounding errors grow twelvefold in each step, too fast for bf16.
  const bool from_square = x.scalar_type() != torch::kBFloat16 && x.size(1) >= 4 * x.size(0);
  x = from_square ? polynomials(x.mm(x.t())).mm(x) : newton_schulz(x);
  return tall ? x.t() : x;
}

}  // namespace spikemix
