// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/model_state.h"

#include <map>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/base/problems.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
NamedTensors model_state(const torch::nn::Module& model) {
  NamedTensors tensors;
  for (const auto& item : model.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : model.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

std::vector<std::string> load_model_state(torch::nn::Module& model, const NamedTensors& tensors,
                                          const std::string& where) {
  const NamedTensors own = model_state(model);
  std::map<std::string, torch::Tensor> targets(own.begin(), own.end());
  std::vector<std::string> names, skipped, problems;
  for (const auto& [name, tensor] : own) names.push_back(name);

  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;
  for (const auto& [name, tensor] : tensors) {
    const auto target = targets.find(name);
    if (target == targets.end()) {
      if (is_published_but_unused(name)) {
        skipped.push_back(name);
      } else {
        const std::string near = nearest(name, names);
        problems.push_back(
            fmt::format("tensor '{}' is unknown{}", name, near.empty() ? "" : fmt::format(" (nearest: '{}')", near)));
      }
      continue;
    }
    if (tensor.sizes() != target->second.sizes())
      problems.push_back(fmt::format("tensor '{}' is [{}], expected [{}]", name, fmt::join(tensor.sizes(), ", "),
                                     fmt::join(target->second.sizes(), ", ")));
    else
      copies.emplace_back(target->second, tensor);
    targets.erase(target);
  }
  for (const auto& [name, tensor] : own)
    if (targets.contains(name)) problems.push_back(fmt::format("tensor '{}' is missing", name));
  if (!problems.empty()) throw input_error("{}: {}", where, list_of(problems));

  const torch::NoGradGuard no_grad;
  for (auto& [target, tensor] : copies) target.copy_(tensor);
  return skipped;
}

}  // namespace spikemix
