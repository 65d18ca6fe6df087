// SPDX-License-Identifier: MIT
#include "spikemix/config/config.h"

#include <cmath>
#include <concepts>
#include <sstream>
#include <type_traits>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/base/nearest.h"
#include "spikemix/config/config_json.h"
#include "spikemix/config/validate.h"

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

// `where` names the file and line, or the flag. A single value is read as a list of one.
template <class T>
void assign(T& field, const Json& value, const std::string& key, const std::string& where) {
  const auto refuse = [&] {
    throw input_error("{}: {} is {}, expected {}", where, key, json_text(value), type_name<T>());
  };
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
    if (number == std::floor(number) && std::abs(number) > 0x1p53)
      throw input_error("{}: {} is {}, expected a whole number, {}", where, key,
                        std::isfinite(number) ? json_text(value) : fmt::to_string(number), bounds_of(key));
    if (number != std::floor(number)) refuse();
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

// TOML's types that no key takes; JSON has none for them. nullptr: it is none of them.
const char* foreign_type(const toml::node& node) {
  if (node.is_date()) return "a date";
  if (node.is_time()) return "a time";
  if (node.is_date_time()) return "a date and time";
  if (node.is_table()) return "a table";
  if (const auto* array = node.as_array()) {
    for (const toml::node& item : *array) {
      if (foreign_type(item)) return foreign_type(item);
    }
  }
  return nullptr;
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
    with_field(config, name, line, [&](auto& field) {
      if (const char* type = foreign_type(node)) {
        throw input_error("{}: {} is {}, expected {}", line, name, type,
                          type_name<std::remove_cvref_t<decltype(field)>>());
      }
      assign(field, to_json(node), name, line);
    });
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

// A value as typed on a command line: TOML if it parses, otherwise a plain word, or words joined by commas.
template <class T>
Json parse_value(const std::string& text) {
  if constexpr (std::same_as<T, std::string>) return text;
  try {
    const toml::table parsed = toml::parse("value = " + text);
    const toml::node& value = *parsed.get("value");
    if (parsed.size() == 1 && !foreign_type(value)) return to_json(value);
  } catch (const toml::parse_error&) {
  }
  if constexpr (IsVector<T>::value) {
    // "ssa,wt2d:levels=2,fft2d" is three mixers; "wt2d:axes=height,width" is one, because these options are lists.
    if (text.empty()) return Json::array();
    std::vector<std::string> items;
    for (const std::string& part : split(text, ',')) {
      const std::string option = items.empty() ? "" : items.back().substr(items.back().rfind(':') + 1);
      const bool goes_on = items.size() > 0 && items.back().find(':') != std::string::npos &&
                           (option.starts_with("axes=") || option.starts_with("bases="));
      if (goes_on)
        items.back() += "," + part;
      else
        items.push_back(part);
    }
    Json list = Json::array();
    for (const std::string& item : items) list.push_back(parse_value<typename T::value_type>(item));
    return list;
  }
  return text;
}

}  // namespace

std::vector<int64_t> ModelConfig::input_shape(int64_t batch) const {
  if (takes_events()) return {batch, T, channels, height, width};
  return {batch, channels, height, width};
}

std::vector<int64_t> ModelConfig::convolutions() const {
  if (!stem_channels.empty()) return stem_channels;
  return {embed_dim / 8, embed_dim / 4, embed_dim / 2, embed_dim};
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
      text += fmt::format("  {:<28} {} (default {})\n", name, help, json_text(Json(field)));
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
  if (!std::filesystem::exists(file) || std::filesystem::is_directory(file))
    throw input_error("{}: no such recipe file", file.string());
  const std::string text = read_file(file);
  // A model under another name; TOML's own error would only be about its first bytes.
  if (text.find('\0') != std::string::npos)
    throw input_error("{}: is not text, expected a recipe; a model's name ends in .safetensors", file.string());
  return parse_recipe(text, file.string());
}

void apply_override(Config& config, const std::string& key_value) {
  const size_t equals = key_value.find('=');
  if (equals == std::string::npos) throw input_error("'{}': expected key=value, as in train.lr=1e-3", key_value);
  const std::string key = key_value.substr(0, equals), text = key_value.substr(equals + 1);
  with_field(config, key, key_value, [&](auto& field) {
    assign(field, parse_value<std::remove_cvref_t<decltype(field)>>(text), key, key_value);
  });
}

nlohmann::json to_json(const Config& config) {
  Json json = {{"name", config.name}};
  Config copy = config;  // the visitors return references that can be written to
  copy.visit_sections([&](const char* section, auto& fields) {
    fields.visit([&](const char* key, auto& field, const char*) { json[section][key] = field; });
  });
  return json;
}

Config config_from_json(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) throw input_error("{}: the config is not a JSON object", where);
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
