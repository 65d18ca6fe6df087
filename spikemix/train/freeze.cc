#include "spikemix/train/freeze.h"

#include <algorithm>
#include <cctype>

#include "spikemix/core/error.h"
#include "spikemix/core/nearest.h"

namespace spikemix {
namespace {

// "block.1" is block 1 with all that is in it, and not block 10.
bool begins_with(const std::string& name, const std::string& beginning) {
  if (!name.starts_with(beginning) || beginning.empty()) return false;
  const bool cuts_a_number = name.size() > beginning.size() && std::isdigit(uint8_t(beginning.back())) &&
                             std::isdigit(uint8_t(name[beginning.size()]));
  return !cuts_a_number;
}

bool is_named(const std::string& name, const std::string& entry) {
  const bool head = name.starts_with("head."), stem = name.starts_with("patch_embed");
  if (entry == "all but head") return !head;
  if (entry == "stem") return stem;
  if (entry == "blocks") return !stem && !head;
  return begins_with(name, entry);
}

// The norms of q, k and v are one: all or none of them has its batch's statistics.
void check_attention(const torch::nn::Module& model) {
  const auto parameters = model.named_parameters();
  for (const auto& item : parameters) {
    const size_t q = item.key().find(".q_bn.weight");
    if (q == std::string::npos) continue;
    for (const char* other : {".k_bn.weight", ".v_bn.weight"}) {
      const torch::Tensor* norm = parameters.find(item.key().substr(0, q) + other);
      if (norm && norm->requires_grad() != item.value().requires_grad())
        throw input_error("train.freeze: {}: norms of q, k and v are computed as one; freeze all of them or none",
                          item.key().substr(0, q));
    }
  }
}

}  // namespace

void freeze(torch::nn::Module& model, const std::vector<std::string>& entries) {
  auto parameters = model.named_parameters();
  for (const std::string& entry : entries) {
    bool found = false;
    for (auto& item : parameters) {
      if (!is_named(item.key(), entry)) continue;
      item.value().set_requires_grad(false);
      found = true;
    }
    if (found) continue;
    std::vector<std::string> names = {"stem", "blocks", "all but head"};
    for (const auto& item : parameters) names.push_back(item.key());
    const std::string near = nearest(entry, names);
    throw input_error("train.freeze: '{}' names no parameter of this model{}; `spikemix info --tensors` lists them",
                      entry, near.empty() ? "" : fmt::format(" (nearest: '{}')", near));
  }
  if (std::ranges::none_of(parameters, [](const auto& item) { return item.value().requires_grad(); }))
    throw input_error("train.freeze: freezes everything: nothing is left to learn");
  check_attention(model);
}

}  // namespace spikemix
