// SPDX-License-Identifier: MIT
#include "spikemix/train/optimizer.h"

#include <set>
#include <string>

#include <ATen/ops/_foreach_norm.h>

namespace spikemix {
namespace {

// The parameters that Muon takes, or those that it leaves to AdamW.
NamedTensors those_of(bool muon, const NamedTensors& parameters, std::span<const TensorSpec> tensors,
                      const TrainConfig& config) {
  std::set<std::string> hidden;
  for (const TensorSpec& tensor : tensors) {
    if (tensor.hidden) hidden.insert(tensor.name);
  }
  NamedTensors chosen;
  for (const auto& [name, parameter] : parameters) {
    if ((config.optimizer == "muon" && hidden.contains(name)) == muon) chosen.emplace_back(name, parameter);
  }
  return chosen;
}

}  // namespace

Optimizer::Optimizer(const NamedTensors& parameters, std::span<const TensorSpec> tensors, const TrainConfig& config)
    : adamw_(those_of(false, parameters, tensors, config), config),
      muon_(those_of(true, parameters, tensors, config), config) {
  for (const auto& [name, parameter] : parameters) parameters_.push_back(parameter);
}

void Optimizer::zero_grad() {
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
}

double Optimizer::clip(double clip_norm) {
  std::vector<torch::Tensor> gradients;
  for (torch::Tensor& parameter : parameters_) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  const double norm = torch::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
  if (clip_norm > 0 && norm > clip_norm) {
    for (torch::Tensor& gradient : gradients) gradient.mul_(clip_norm / norm);
  }
  return norm;
}

void Optimizer::step(double lr) {
  adamw_.step(lr);
  muon_.step(lr);
}

NamedTensors Optimizer::state() const {
  NamedTensors tensors = adamw_.state();
  const NamedTensors muon = muon_.state();
  tensors.insert(tensors.end(), muon.begin(), muon.end());
  return tensors;
}

}  // namespace spikemix
