// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/named_modules.h"

#include <utility>

namespace spikemix {
namespace {

// "a.b.c" -> "a.b" and "c"; "c" -> "" and "c"
std::pair<std::string, std::string> split_last(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

torch::nn::Module& module_at(torch::nn::Module& root, const std::string& path) {
  if (path.empty()) return root;
  const auto [parent_path, name] = split_last(path);
  torch::nn::Module& parent = module_at(root, parent_path);
  const auto children = parent.named_children();
  if (const auto* child = children.find(name)) return **child;
  return *parent.register_module(name, std::make_shared<torch::nn::Module>());
}

}  // namespace

torch::Tensor register_tensor_as(torch::nn::Module& root, const std::string& name, const torch::Tensor& value,
                                 bool learned) {
  const auto [path, leaf] = split_last(name);
  torch::nn::Module& owner = module_at(root, path);
  return learned ? owner.register_parameter(leaf, value) : owner.register_buffer(leaf, value);
}

void register_module_as(torch::nn::Module& root, const std::string& name, std::shared_ptr<torch::nn::Module> module) {
  const auto [path, leaf] = split_last(name);
  module_at(root, path).register_module(leaf, std::move(module));
}

}  // namespace spikemix
