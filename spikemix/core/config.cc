#include "spikemix/core/config.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <fstream>
#include <sstream>
#include <type_traits>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <toml++/toml.h>

#include "spikemix/core/error.h"
#include "spikemix/core/nearest.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
const char* type_name() {
  if constexpr (IsVector<T>::value) return "a list";
  if constexpr (std::same_as<T, bool>) return "true or false";
  if constexpr (std::same_as<T, int64_t>) return "a whole number";
  if constexpr (std::same_as<T, double>) return "a number";
  return "a string";
}

// `where` names the file and line, or the flag. A single value stands for a list of one.
template <class T>
void assign(T& field, const Json& value, const std::string& key, const std::string& where) {
  const auto refuse = [&] { throw input_error("{}: {} is {}, expected {}", where, key, value.dump(), type_name<T>()); };
  if constexpr (IsVector<T>::value) {
    T items;
    for (const Json& item : value.is_array() ? value : Json::array({value})) {
      assign(items.emplace_back(), item, key, where);
    }
    field = std::move(items);
  } else if constexpr (std::same_as<T, bool>) {
    if (!value.is_boolean()) refuse();
    field = value.get<bool>();
  } else if constexpr (std::same_as<T, int64_t>) {
    if (!value.is_number()) refuse();
    const double number = value.get<double>();
    if (number != std::floor(number) || std::abs(number) > 0x1p53) refuse();
    field = int64_t(number);
  } else if constexpr (std::same_as<T, double>) {
    if (!value.is_number()) refuse();
    field = value.get<double>();
  } else {
    if (!value.is_string()) refuse();
    field = value.get<std::string>();
  }
}

// Calls f(field) for the field named "section.key" (or "name").
template <class F>
void with_field(Config& config, const std::string& name, const std::string& where, F&& f) {
  if (name == "name") return f(config.name);
  bool found = false;
  config.visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto& field, const char*) {
      if (name == std::string(section) + "." + key) found = true, f(field);
    });
  });
  if (!found) throw input_error("{}: unknown key {}", where, unknown_name(name, Config::keys()));
}

Json to_json(const toml::node& node) {
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& item : *array) list.push_back(to_json(item));
    return list;
  }
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_boolean()) return value->get();
  return {};
}

Config from_toml(const toml::table& recipe, const std::string& where) {
  Config config;
  const auto set = [&](const std::string& name, const toml::node& node) {
    const std::string line = fmt::format("{}:{}", where, node.source().begin.line);
    with_field(config, name, line, [&](auto& field) { assign(field, to_json(node), name, line); });
  };
  for (const auto& [section, node] : recipe) {
    if (const toml::table* table = node.as_table()) {
      for (const auto& [key, value] : *table) set(std::string(section.str()) + "." + std::string(key.str()), value);
    } else {
      set(std::string(section.str()), node);
    }
  }
  return config;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// A value as typed on a command line: TOML where it is TOML, else a plain word, or words joined by commas.
template <class T>
Json parse_value(const std::string& text) {
  if constexpr (std::same_as<T, std::string>) return text;
  try {
    const toml::table parsed = toml::parse("value = " + text);
    if (parsed.size() == 1) return to_json(*parsed.get("value"));
  } catch (const toml::parse_error&) {
  }
  if constexpr (IsVector<T>::value) {
    // "ssa,fft2d" is two mixers; "wt2d:axes=height,width" is one.
    if (text.empty()) return Json::array();
    if (text.find(':') == std::string::npos) {
      Json list = Json::array();
      for (const std::string& part : split(text, ',')) list.push_back(parse_value<typename T::value_type>(part));
      return list;
    }
  }
  return text;
}

template <class T>
void require(bool holds, const char* key, const T& value, const std::string& expected) {
  if (!holds) throw input_error("{} = {}: expected {}", key, value, expected);
}

void require_one_of(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    throw input_error("{} = {}", key, unknown_name(value, choices));
  }
}

}  // namespace

int64_t ModelConfig::token_rows() const {
  int64_t rows = height;
  for (const int64_t pooled : pool) rows = pooled ? (rows + 1) / 2 : rows;
  return rows;
}

int64_t ModelConfig::token_columns() const {
  int64_t columns = width;
  for (const int64_t pooled : pool) columns = pooled ? (columns + 1) / 2 : columns;
  return columns;
}

std::vector<int64_t> ModelConfig::input_shape(int64_t batch) const {
  if (takes_events()) return {batch, T, channels, height, width};
  return {batch, channels, height, width};
}

std::vector<std::string> Config::keys() {
  std::vector<std::string> names = {"name"};
  Config().visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto&, const char*) { names.push_back(std::string(section) + "." + key); });
  });
  return names;
}

std::string Config::describe_keys() {
  std::string text;
  Config().visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto& field, const char* help) {
      const std::string name = std::string(section) + "." + key;
      text += fmt::format("  {:<28} {} (default {})\n", name, help, Json(field).dump());
    });
  });
  return text;
}

Config parse_recipe(const std::string& toml, const std::string& where) {
  try {
    return from_toml(toml::parse(toml, where), where);
  } catch (const toml::parse_error& error) {
    throw input_error("{}:{}: {}", where, error.source().begin.line, error.description());
  }
}

Config read_recipe(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) throw input_error("{}: no such recipe file", file.string());
  std::stringstream text;
  text << stream.rdbuf();
  return parse_recipe(text.str(), file.string());
}

void apply_override(Config& config, const std::string& key_value) {
  const size_t equals = key_value.find('=');
  if (equals == std::string::npos) throw input_error("'{}': expected key=value, as in train.lr=1e-3", key_value);
  const std::string key = key_value.substr(0, equals), text = key_value.substr(equals + 1);
  with_field(config, key, key_value, [&](auto& field) {
    assign(field, parse_value<std::remove_cvref_t<decltype(field)>>(text), key, key_value);
  });
}

void validate(const Config& config) {
  const ModelConfig& m = config.model;
  require_one_of("model.input", m.input, {"image", "events"});
  const std::pair<const char*, int64_t> positive[] = {{"model.channels", m.channels},
                                                      {"model.height", m.height},
                                                      {"model.width", m.width},
                                                      {"model.T", m.T},
                                                      {"model.embed_dim", m.embed_dim},
                                                      {"model.depth", m.depth},
                                                      {"model.mlp_ratio", m.mlp_ratio},
                                                      {"model.heads", m.heads},
                                                      {"train.batch", config.train.batch},
                                                      {"train.epochs", config.train.epochs},
                                                      {"train.accumulate", config.train.accumulate},
                                                      {"train.loader_threads", config.train.loader_threads},
                                                      {"train.eval_every", config.train.eval_every},
                                                      {"augment.randaugment_ops", config.augment.randaugment_ops}};
  for (const auto& [key, value] : positive) require(value >= 1, key, value, "1 or more");
  require(m.embed_dim % 8 == 0, "model.embed_dim", m.embed_dim, "a multiple of 8: the stem has D/8 channels first");
  require(m.pool.size() == 4, "model.pool", m.pool.size(), "four values, one for each convolution of the stem");
  require(m.mixer.size() == 1 || int64_t(m.mixer.size()) == m.depth, "model.mixer", m.mixer.size(),
          fmt::format("one mixer, or one for each of the {} blocks", m.depth));
  const bool attends =
      std::any_of(m.mixer.begin(), m.mixer.end(), [](const auto& name) { return name.starts_with("ssa"); });
  require(!attends || m.embed_dim % m.heads == 0, "model.heads", m.heads,
          fmt::format("a divisor of model.embed_dim = {}", m.embed_dim));
  require(m.classes >= 0, "model.classes", m.classes, "0 (from the data) or more");

  require(config.data.skip_bad >= 0, "data.skip_bad", config.data.skip_bad, "0 (no damaged file) or more");

  const NeuronConfig& n = config.neuron;
  require_one_of("neuron.kind", n.kind, {"lif", "if", "plif"});
  require_one_of("neuron.reset", n.reset, {"hard", "soft"});
  require_one_of("neuron.surrogate", n.surrogate, {"sigmoid", "arctan", "triangle"});
  require(n.tau > 1, "neuron.tau", n.tau, "more than 1 time step");
  require(n.alpha >= 0, "neuron.alpha", n.alpha, "0 (the surrogate's default) or more");
  require(n.v_threshold > n.v_reset, "neuron.v_threshold", n.v_threshold, "more than neuron.v_reset");

  const AugmentConfig& a = config.augment;
  require(a.crop_padding >= 0, "augment.crop_padding", a.crop_padding, "0 or more");
  require(a.randaugment_magnitude >= 0 && a.randaugment_magnitude <= 10, "augment.randaugment_magnitude",
          a.randaugment_magnitude, "0 to 10");
  require(a.randaugment_std >= 0, "augment.randaugment_std", a.randaugment_std, "0 or more");
  require(a.erase_probability >= 0 && a.erase_probability <= 1, "augment.erase_probability", a.erase_probability,
          "0 to 1");
  require(a.mixup >= 0, "augment.mixup", a.mixup, "0 or more");
  require(a.label_smoothing >= 0 && a.label_smoothing < 1, "augment.label_smoothing", a.label_smoothing, "0 to 1");
  require(a.roll >= 0, "augment.roll", a.roll, "0 or more");
  require(a.cutout >= 0, "augment.cutout", a.cutout, "0 or more");
  require(a.rotate >= 0 && a.rotate <= 180, "augment.rotate", a.rotate, "0 to 180 degrees");
  require(a.shear >= 0 && a.shear < 90, "augment.shear", a.shear, "0 to 90 degrees");
  require(a.scale >= 0 && a.scale < 1, "augment.scale", a.scale, "0 to 1");
  require(a.event_drop >= 0 && a.event_drop < 1, "augment.event_drop", a.event_drop, "0 to 1");
  require(a.polarity_flip >= 0 && a.polarity_flip <= 1, "augment.polarity_flip", a.polarity_flip, "0 to 1");
  require(a.time_jitter >= 0, "augment.time_jitter", a.time_jitter, "0 us or more");

  require_one_of("data.frames", config.data.frames, {"count", "time"});
  require_one_of("data.time_unit", config.data.time_unit, {"", "s", "ms", "us", "ns"});
  require_one_of("data.frame_values", config.data.frame_values, {"sum", "binary"});
  for (const double std : config.data.std) require(std > 0, "data.std", std, "more than 0");
  require(config.data.train_images >= 0, "data.train_images", config.data.train_images, "0 (all) or more");
  require(config.data.test_images >= 0, "data.test_images", config.data.test_images, "0 (all) or more");

  const TrainConfig& t = config.train;
  require_one_of("train.precision", t.precision, {"fp32", "bf16"});
  require(t.device == "cpu" || t.device.starts_with("cuda"), "train.device", t.device, "cpu, cuda or cuda:N");
  require(t.warmup_epochs >= 0 && t.warmup_epochs <= t.epochs, "train.warmup_epochs", t.warmup_epochs,
          "0 to train.epochs");
  require(t.cooldown_epochs >= 0, "train.cooldown_epochs", t.cooldown_epochs, "0 or more");
  require(t.lr > 0, "train.lr", t.lr, "more than 0");
  require_one_of("train.optimizer", t.optimizer, {"adamw", "muon"});
  require(t.momentum >= 0 && t.momentum < 1, "train.momentum", t.momentum, "0 to 1");
  require(t.beta1 >= 0 && t.beta1 < 1, "train.beta1", t.beta1, "0 to 1");
  require(t.beta2 >= 0 && t.beta2 < 1, "train.beta2", t.beta2, "0 to 1");
  require(t.eps > 0, "train.eps", t.eps, "more than 0");
  require(t.sparse_below >= 0 || t.sparse_below == -1, "train.sparse_below", t.sparse_below,
          "0 (never) or more, or -1 (as is faster)");
  require(t.clip_norm >= 0, "train.clip_norm", t.clip_norm, "0 (no clipping) or more");
  require(t.ema >= 0 && t.ema < 1, "train.ema", t.ema, "0 (none) to 1");
  require(t.one_step_epochs >= 0, "train.one_step_epochs", t.one_step_epochs, "0 (none) or more");
  require(t.one_step_epochs == 0 || !m.takes_events(), "train.one_step_epochs", t.one_step_epochs,
          "0 with model.input = events, whose T frames differ");
  const auto over_time = [](const std::string& text) { return text.find("time") != std::string::npos; };
  require(t.one_step_epochs == 0 || !(over_time(m.axes) || std::any_of(m.mixer.begin(), m.mixer.end(), over_time) ||
                                      std::any_of(m.bases.begin(), m.bases.end(), over_time)),
          "train.one_step_epochs", t.one_step_epochs, "0 with a mixer over time, which needs all T steps");
  require(t.threads >= 0, "train.threads", t.threads, "0 (all cores) or more");
  require(t.seed >= 0, "train.seed", t.seed, "0 or more");
  require(t.checkpoint_seconds >= 0, "train.checkpoint_seconds", t.checkpoint_seconds, "0 or more");
}

nlohmann::json to_json(const Config& config) {
  Json json = {{"name", config.name}};
  Config copy = config;  // the visitors hand out references that can be written to
  copy.visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto& field, const char*) { json[section][key] = field; });
  });
  return json;
}

Config config_from_json(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) throw input_error("{}: the config is no JSON object", where);
  Config config;
  for (const auto& [section, value] : json.items()) {
    if (!value.is_object()) {
      with_field(config, section, where, [&](auto& field) { assign(field, value, section, where); });
      continue;
    }
    for (const auto& [key, item] : value.items()) {
      const std::string name = section + "." + key;
      with_field(config, name, where, [&](auto& field) { assign(field, item, name, where); });
    }
  }
  return config;
}

}  // namespace spikemix
