// SPDX-License-Identifier: MIT
#include "spikemix/train/adamw.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_fused_adamw.h>

namespace spikemix {

AdamW::AdamW(const NamedTensors& parameters, const TrainConfig& config)
    : beta1_(config.beta1), beta2_(config.beta2), eps_(config.eps) {
  groups_[0].weight_decay = config.weight_decay;
  for (const auto& [name, parameter] : parameters) {
    const int without_decay = parameter.dim() <= 1;
    Group& group = groups_[without_decay];
    names_[without_decay].push_back(name);
    group.parameters.push_back(parameter);
    group.exp_avg.push_back(torch::zeros_like(parameter));
    group.exp_avg_sq.push_back(torch::zeros_like(parameter));
    group.steps.push_back(torch::zeros({}, torch::dtype(torch::kFloat32).device(parameter.device())));
  }
}

void AdamW::step(double lr) {
  const torch::NoGradGuard no_grad;
  for (Group& group : groups_) {
    if (group.parameters.empty()) continue;
    std::vector<torch::Tensor> gradients;
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const torch::Tensor& gradient = group.parameters[i].grad();
      // A parameter without a gradient keeps its place in the lists.
      gradients.push_back(gradient.defined() ? gradient : torch::zeros_like(group.parameters[i]));
    }
    at::_foreach_add_(group.steps, 1);
    at::_fused_adamw_(group.parameters, gradients, group.exp_avg, group.exp_avg_sq, {}, group.steps, lr, beta1_, beta2_,
                      group.weight_decay, eps_, /*amsgrad=*/false, /*maximize=*/false);
  }
}

NamedTensors AdamW::state() const {
  NamedTensors tensors;
  for (int g = 0; g < 2; ++g) {
    for (size_t i = 0; i < names_[g].size(); ++i) {
      tensors.emplace_back(names_[g][i] + ".exp_avg", groups_[g].exp_avg[i]);
      tensors.emplace_back(names_[g][i] + ".exp_avg_sq", groups_[g].exp_avg_sq[i]);
      tensors.emplace_back(names_[g][i] + ".step", groups_[g].steps[i]);
    }
  }
  return tensors;
}

}  // namespace spikemix
