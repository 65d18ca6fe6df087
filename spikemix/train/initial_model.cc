// SPDX-License-Identifier: MIT
#include "spikemix/train/initial_model.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/problems.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/tensor_file.h"

namespace spikemix {
namespace {

// An exported model's weights as they were before export, up to its rounding.
NamedTensors with_units(const NamedTensors& tensors) {
  const std::map<std::string, torch::Tensor> all(tensors.begin(), tensors.end());
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) {
    const auto unit = all.find(unit_name(name));
    if (all.contains(weight_of_unit(name))) continue;
    if (unit == all.end() || unit->second.numel() != tensor.size(0)) {
      result.emplace_back(name, tensor);
    } else {
      std::vector<int64_t> column(size_t(tensor.dim()), 1);
      column[0] = tensor.size(0);
      result.emplace_back(name, tensor.to(torch::kFloat32) * unit->second.to(torch::kFloat32).view(column));
    }
  }
  return result;
}

std::vector<std::string> classes_of(const SafeTensors& file, const std::string& where) {
  const auto card = file.metadata().find("spikemix");
  return card == file.metadata().end() ? std::vector<std::string>() : ModelCard::from_text(card->second, where).classes;
}

std::string shape_of(const torch::Tensor& tensor) { return fmt::format("[{}]", fmt::join(tensor.sizes(), ", ")); }

bool same_shape(const torch::Tensor& a, const torch::Tensor& b) { return a.sizes() == b.sizes(); }

// "block.2.mlp.fc1_bn.weight" and its siblings are one entry: "block.2.mlp.fc1_bn".
std::vector<std::string> by_module(const std::vector<std::string>& names) {
  std::vector<std::string> modules;
  for (const std::string& name : names) {
    std::string module = name.find(' ') == name.npos ? name.substr(0, name.rfind('.')) : name;
    if (modules.empty() || modules.back() != module) modules.push_back(std::move(module));
  }
  return modules;
}

class Matching {
 public:
  Matching(const InitialModel& from, const Plan& plan, bool same_classes)
      : all_(from.tensors.begin(), from.tensors.end()), plan_(plan), same_classes_(same_classes) {}

  // The tensor that matches this name and shape; null if there is none, and then why() tells the reason.
  const torch::Tensor* find(const std::string& name, const torch::Tensor& own) {
    why_.clear();
    const auto found = all_.find(name);
    if (found == all_.end()) return nullptr;
    if (!same_shape(found->second, own)) {
      why_ = fmt::format(" {}, in that model {}", shape_of(own), shape_of(found->second));
      refused_.insert(module(name));
      return nullptr;
    }
    if ((name == plan_.head_weight || name == plan_.head_bias) && !same_classes_) {
      why_ = " (other classes)";
      return nullptr;
    }
    return refused_.contains(module(name)) ? nullptr : &found->second;
  }
  const std::string& why() const { return why_; }

 private:
  static std::string module(const std::string& name) { return name.substr(0, name.rfind('.')); }
  const std::map<std::string, torch::Tensor> all_;
  const Plan& plan_;
  const bool same_classes_;
  std::set<std::string> refused_;  // modules whose weight does not fit: nothing else of them is taken
  std::string why_;
};

}  // namespace

InitialModel read_initial_model(const std::string& init, std::span<const std::byte> builtin) {
  InitialModel model{.from = init, .checksum = {}, .tensors = {}, .classes = {}};
  if (init == "builtin") {
    if (builtin.empty()) throw input_error("train.init = builtin: this program has no model in it");
    const SafeTensors file = SafeTensors::parse(builtin, "the built-in model");
    model.tensors = with_units(tensors_in(file));
    model.classes = classes_of(file, "the built-in model");
    model.checksum = Hash().add(builtin).text();
    return model;
  }
  const std::filesystem::path path = model_file_of(init);
  const SafeTensors file = SafeTensors::open(path);
  model.tensors = with_units(tensors_in(file));
  model.classes = classes_of(file, path.string());
  model.checksum = Hash().add(MappedFile(path).bytes()).text();
  return model;
}

Taken take_what_fits(const InitialModel& from, const NamedTensors& state, const std::vector<std::string>& classes,
                     const Plan& plan) {
  const std::string own_prefix = "model.", average_prefix = "average.";
  Taken taken;
  Matching matching(from, plan, from.classes.empty() || from.classes == classes);
  std::map<std::string, const torch::Tensor*> fits;
  int64_t learned = 0;
  for (const auto& [full_name, tensor] : state) {
    if (!full_name.starts_with(own_prefix)) continue;
    const std::string name = full_name.substr(own_prefix.size());
    ++taken.of;
    const torch::Tensor* source = matching.find(name, tensor);
    if (source) {
      fits[name] = source;
      learned += tensor.is_floating_point();
    } else {
      taken.anew.push_back(name + matching.why());
    }
  }
  if (learned == 0)
    throw input_error("train.init = {}: none of its tensors matches one of this model in name and shape", from.from);
  taken.tensors = int64_t(fits.size());
  for (const auto& [name, tensor] : from.tensors) {
    if (!fits.contains(name)) taken.not_used.push_back(name);
  }
  const torch::NoGradGuard no_grad;
  for (const auto& [full_name, tensor] : state) {
    for (const std::string& prefix : {own_prefix, average_prefix}) {
      const auto source = full_name.starts_with(prefix) ? fits.find(full_name.substr(prefix.size())) : fits.end();
      if (source != fits.end()) torch::Tensor(tensor).copy_(*source->second);
    }
  }
  return taken;
}

std::string Taken::line(const std::string& from) const {
  std::string text = fmt::format("train.init = {}: {} of {} tensors taken", from, tensors, of);
  if (!anew.empty()) text += fmt::format("; left at their initial values: {}", list_of(by_module(anew)));
  if (!not_used.empty()) text += fmt::format("; not used: {}", list_of(by_module(not_used)));
  return text;
}

nlohmann::json Taken::to_json(const InitialModel& model) const {
  return {{"from", model.from}, {"checksum", model.checksum}, {"taken", tensors}, {"of", of},
          {"anew", anew},       {"not_used", not_used}};
}

}  // namespace spikemix
