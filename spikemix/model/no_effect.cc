// SPDX-License-Identifier: MIT
#include "spikemix/model/no_effect.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/config/config_json.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

bool is_off(const Config& config, const std::string& key) {
  const size_t dot = key.find('.');
  if (dot == key.npos) return false;  // the run's name
  const nlohmann::json value = to_json(config)[key.substr(0, dot)][key.substr(dot + 1)];
  return value == false || value == 0 || value == "" || (value.is_array() && value.empty());
}

bool is_any(const std::string& key, std::initializer_list<std::string_view> keys) {
  return std::ranges::count(keys, std::string_view(key)) > 0;
}

std::string under(const char* key, const std::string& value) { return fmt::format("{} = {}", key, value); }
std::string under(const char* key, int64_t value) { return fmt::format("{} = {}", key, value); }
template <class T>
std::string under(const char* key, const std::vector<T>& values) {
  return fmt::format("{} = {}", key, fmt::join(values, ","));
}

// --- options of mixers -----------------------------------------------------------------------------------------------

// The option that a key sets for all mixers that do not set it themselves.
std::string option_of(const std::string& key) {
  if (key == "model.alternate") return "inverse";
  const bool is_option = is_any(key, {"model.wavelet", "model.levels", "model.axes", "model.bases", "model.heads"});
  return is_option ? key.substr(6) : key == "model.ssa_scale" ? "heads" : "";
}

bool reads(const std::string& mixer, const std::string& option) {
  const MixerSpec spec = parse_mixer_spec(mixer);
  const std::string name = spec.entry->name;
  if (name == "gated" && (option == "wavelet" || option == "levels") && spec.options.transform != "wt2d") return false;
  const std::string options = fmt::format(",{},", spec.entry->options);
  return options.find("," + option + ",") != options.npos && mixer.find(":" + option + "=") == mixer.npos;
}

bool scales(const std::string& mixer) {
  const std::string name = parse_mixer_spec(mixer).entry->name;
  return name == "ssa" || name == "random";
}

std::string without_mixers(const ModelConfig& m, const std::string& key) {
  const std::string option = option_of(key);
  if (option.empty()) return "";
  const bool read = std::ranges::any_of(m.mixer, [&](const std::string& mixer) {
    return key == "model.ssa_scale" ? scales(mixer) : reads(mixer, option);
  });
  return read ? "" : under("model.mixer", m.mixer);
}

// --- other settings --------------------------------------------------------------------------------------------------

std::string without_stem(const ModelConfig& m, const std::string& key) {
  const bool spikformer = m.architecture == "spikformer";
  if (!spikformer && is_any(key, {"model.depth", "model.stem", "model.patch", "model.stem_channels", "model.pool",
                                  "model.pool_before_neuron"}))
    return under("model.architecture", m.architecture);
  if (key == "model.depth" && !m.depths.empty()) return under("model.depths", m.depths);
  if (key == "model.patch" && m.stem != "conv1") return under("model.stem", m.stem);
  if (key == "model.stem_channels" && m.stem != "conv4") return under("model.stem", m.stem);
  if (key == "model.pool" && m.stem == "conv1" && m.patch > 0) return under("model.patch", m.patch);
  if (key == "model.pool_before_neuron") {
    if (m.stem == "conv1") return under("model.stem", m.stem);
    if (std::ranges::count(m.pool, 1) == 0) return under("model.pool", m.pool);
  }
  return "";
}

// Counts are rounded potentials, so threshold and reset are fixed.
bool has_binary_neurons(const Plan& plan) {
  return std::ranges::any_of(plan.layers,
                             [](const LayerPlan& l) { return l.neurons && (l.v_threshold || l.signed_neurons); });
}

std::string without_neurons(const Config& config, const std::string& key) {
  const NeuronConfig& n = config.neuron;
  if (key == "neuron.levels" && n.kind != "integer") return under("neuron.kind", n.kind);
  if (key == "neuron.tau" && n.kind == "if") return under("neuron.kind", n.kind);
  if (n.kind == "relu" && key.starts_with("neuron.") && key != "neuron.kind") return under("neuron.kind", n.kind);
  if (n.kind == "integer" && is_any(key, {"neuron.surrogate", "neuron.alpha", "neuron.reset", "neuron.v_threshold"}) &&
      !has_binary_neurons(make_plan(config.model, n)))
    return under("neuron.kind", n.kind);
  return "";
}

std::string without_input(const ModelConfig& m, const std::string& key) {
  const bool of_events =
      is_any(key, {"data.frames", "data.frame_values", "data.sensor", "data.time_unit", "augment.roll",
                   "augment.rotate", "augment.shear", "augment.cutout", "augment.scale", "augment.event_drop",
                   "augment.polarity_flip", "augment.time_jitter"});
  const bool of_images =
      is_any(key, {"data.mean", "data.std", "augment.crop_padding", "augment.randaugment_magnitude",
                   "augment.randaugment_std", "augment.randaugment_ops", "augment.erase_probability"});
  return (m.takes_events() ? of_images : of_events) ? under("model.input", m.input) : "";
}

std::string without_augmentation(const AugmentConfig& a, const std::string& key) {
  if (is_any(key, {"augment.randaugment_std", "augment.randaugment_ops"}) && a.randaugment_magnitude == 0)
    return "augment.randaugment_magnitude = 0";
  if (key == "augment.switch_prob" && (a.mixup == 0 || a.cutmix == 0))
    return under(a.mixup == 0 ? "augment.mixup" : "augment.cutmix", 0);
  if (key == "augment.mixup_off_epoch" && a.mixup == 0 && a.cutmix == 0) return "augment.mixup = augment.cutmix = 0";
  return "";
}

bool has_3x3_convolutions(const Plan& plan) {
  return std::ranges::any_of(plan.layers, [](const LayerPlan& l) {
    return l.map == Map::kConvolution && l.role != Role::kFirst && !l.window.depthwise && l.window.kernel == 3;
  });
}

std::string without_training(const Config& config, const std::string& key) {
  const TrainConfig& t = config.train;
  if (key == "train.momentum" && t.optimizer != "muon") return under("train.optimizer", t.optimizer);
  if (key == "train.warmup_lr" && t.warmup_epochs == 0) return under("train.warmup_epochs", 0);
  if (key == "train.one_step_epochs" && config.model.T == 1) return under("model.T", 1);
  if (key == "train.sparse_below" && t.device != "cpu") return under("train.device", t.device);
  if (key == "train.identity_start" && !has_3x3_convolutions(make_plan(config.model, config.neuron)))
    return under("model.stem", config.model.stem);
  return "";
}

}  // namespace

std::optional<NoEffect> no_effect(const Config& config, const std::string& key) {
  if (is_off(config, key)) return {};
  if (std::string mixers = without_mixers(config.model, key); !mixers.empty()) return NoEffect{std::move(mixers), true};
  for (std::string found :
       {without_stem(config.model, key), without_neurons(config, key), without_input(config.model, key),
        without_augmentation(config.augment, key), without_training(config, key)}) {
    if (!found.empty()) return NoEffect{std::move(found)};
  }
  return {};
}

}  // namespace spikemix
