// SPDX-License-Identifier: MIT
#include "spikemix/import/import.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <set>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/base/problems.h"
#include "spikemix/formats/floats.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {
namespace {

std::string key_of(const std::string& key_value) { return key_value.substr(0, key_value.find('=')); }

// The names in a config.json, arguments of the published code's constructors, for what the tensors do not say.
std::vector<std::string> settings_of(const nlohmann::json& config) {
  std::vector<std::string> settings;
  if (!config.is_object()) return settings;
  const auto take = [&](const char* theirs, const char* ours) {
    const auto value = config.find(theirs);
    if (value == config.end()) return;
    const bool numbers = value->is_array() && !value->empty() &&
                         std::ranges::all_of(*value, [](const auto& item) { return item.is_number_integer(); });
    if (value->is_number_integer() || numbers) settings.push_back(fmt::format("{}={}", ours, json_text(*value)));
  };
  take("T", "model.T"), take("num_heads", "model.heads");
  take("img_size_h", "model.height"), take("img_size_w", "model.width");
  return settings;
}

bool has_learned_taus(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with("_lif.w")) return true;
  }
  return false;
}

// If a key is set several times, the last one wins.
std::vector<std::string> those_that_hold(const std::vector<std::string>& settings, std::set<std::string> said) {
  std::vector<std::string> result;
  for (size_t i = settings.size(); i-- > 0;) {
    if (said.insert(key_of(settings[i])).second) result.insert(result.begin(), settings[i]);
  }
  return result;
}

void apply_settings(Config& config, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) apply_override(config, setting);
}

// Converts half and double precision to fp32: the type that training and the engine both read.
std::vector<std::byte> in_fp32(const NamedTensor& tensor, const std::string& file) {
  std::vector<float> values = to_floats(tensor.tensor);
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
    throw input_error("{}: tensor '{}' holds a value that is not finite in fp32", file, tensor.name);
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

bool is_zero(const TensorSpec& spec, const FoundNetwork& network) {
  return network.family->without_bias && spec.kind == TensorSpec::Kind::kBias && !network.tensors.contains(spec.name);
}

}  // namespace

ImportedConfig config_of(const FoundNetwork& network, const WeightsFile& file, const ImportSettings& settings) {
  const std::string what = fmt::format("{}: a {}", file.path().string(), network.family->name);
  Shape shape = network.family->read(network.tensors, what);
  if (has_learned_taus(network.tensors)) shape.read.push_back("neuron.kind=plif");
  ImportedConfig result;
  const bool asked = !settings.recipe.empty();
  Config& config = result.config = settings.load_recipe(asked ? settings.recipe : shape.recipe, {});
  if (config.model.architecture == "spikformer") config.model.mixer = {"ssa"};
  if (!asked) {
    if (shape.data_set == shape.recipe) result.data_recipe = shape.recipe;
    const std::vector<std::string> theirs = settings_of(file.config());
    apply_settings(config, shape.published), apply_settings(config, theirs);
    std::set<std::string> said;
    for (const auto* list : {&settings.overrides, &theirs}) {
      for (const std::string& setting : *list) said.insert(key_of(setting));
    }
    result.published = those_that_hold(shape.published, said);
    result.read = theirs;
  }
  if (settings.read_shape) {
    config.model.depths.clear(), config.model.stem = "conv4";
    apply_settings(config, shape.read);
    result.read.insert(result.read.begin(), shape.read.begin(), shape.read.end());
    result.read.insert(result.read.begin(), shape.fixed.begin(), shape.fixed.end());
    result.notes = shape.notes;
  }
  const std::string architecture = config.model.architecture;
  apply_settings(config, shape.fixed);
  if (!settings.read_shape && architecture != config.model.architecture) {
    throw input_error("{}; recipe {} describes a model.architecture = {} (--shape auto reads it from the file)", what,
                      settings.recipe, architecture);
  }
  if (!asked) config.name = fmt::format("{}-{}", config.model.architecture, shape.data_set);
  if (!asked && config.model.channels != int64_t(config.data.mean.size()))
    config.data.mean.clear(), config.data.std.clear();
  apply_settings(config, settings.overrides);
  const bool mixer_given = std::ranges::any_of(
      settings.overrides, [](const std::string& setting) { return key_of(setting) == "model.mixer"; });
  if (settings.read_shape && !mixer_given && !shape.mixer_unknown.empty())
    throw input_error("{} in which {}: say which with model.mixer=NAME", what, shape.mixer_unknown);
  return result;
}

void check_tensors(const std::vector<TensorSpec>& expected, const FoundNetwork& network, const WeightsFile& file,
                   const ImportSettings& settings) {
  std::vector<std::string> wrong;
  std::set<std::string> known;
  for (const TensorSpec& spec : expected) {
    known.insert(spec.name);
    const auto tensor = network.tensors.find(spec.name);
    if (tensor == network.tensors.end()) {
      if (!is_zero(spec, network)) wrong.push_back(fmt::format("'{}' is missing", spec.name));
    } else if (tensor->second.shape != spec.shape) {
      wrong.push_back(fmt::format("'{}' is [{}], expected [{}]", spec.name, fmt::join(tensor->second.shape, ", "),
                                  fmt::join(spec.shape, ", ")));
    } else if (spec.kind != TensorSpec::Kind::kCounter && !is_float(tensor->second.dtype)) {
      wrong.push_back(fmt::format("'{}' holds {}, expected floats", spec.name, name_of(tensor->second.dtype)));
    }
  }
  for (const auto& [name, tensor] : network.tensors) {
    if (!known.contains(name)) wrong.push_back(fmt::format("'{}' is unknown", name));
  }
  if (wrong.empty()) return;
  if (!settings.read_shape) {
    throw input_error("{}: does not fit the recipe: {} (another recipe or key=value, or --shape auto?)",
                      file.path().string(), list_of(wrong));
  }
  throw input_error("{}: a {}, but not a published one: {}{}", file.path().string(), network.family->name, wrong[0],
                    wrong.size() > 1 ? fmt::format(", and {} more", wrong.size() - 1) : "");
}

void write_imported(const std::string& out, const std::vector<TensorSpec>& expected, const FoundNetwork& network,
                    const WeightsFile& file, const std::map<std::string, std::string>& metadata) {
  std::vector<NamedTensor> tensors;
  std::list<std::vector<std::byte>> converted;
  for (const TensorSpec& spec : expected) {
    NamedTensor& tensor = tensors.emplace_back(NamedTensor{spec.name, {}});
    if (is_zero(spec, network)) {
      tensor.tensor.shape = spec.shape;
      tensor.tensor.data = converted.emplace_back(size_t(spec.values()) * sizeof(float));
      continue;
    }
    tensor.tensor = network.tensors.at(spec.name);
    if (!is_float(tensor.tensor.dtype)) continue;
    tensor.tensor.data = converted.emplace_back(in_fp32(tensor, file.path().string()));
    tensor.tensor.dtype = DType::F32;
  }
  write_safetensors(out, tensors, metadata);
}

}  // namespace spikemix
