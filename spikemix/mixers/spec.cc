// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/mixers/text.h"

namespace spikemix {
namespace {

bool parse_bool(const std::string& spec, const std::string& key, const std::string& value) {
  if (value == "true") return true;
  if (value == "false") return false;
  throw input_error("mixer '{}': {} is '{}', expected true or false", spec, key, value);
}

int64_t parse_count(const std::string& spec, const std::string& key, const std::string& value) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (error != std::errc() || end != value.data() + value.size() || count < 0) {
    throw input_error("mixer '{}': {} is '{}', expected a whole number", spec, key, value);
  }
  return count;
}

void set_option(MixerOptions& options, const std::string& spec, const std::string& key, const std::string& value) {
  if (key == "transform") options.transform = value;
  if (key == "wavelet") options.wavelet = value;
  if (key == "axes") options.axes = value;
  if (key == "levels") options.levels = parse_count(spec, key, value);
  if (key == "inverse") options.inverse = parse_bool(spec, key, value);
  if (key == "bases") options.bases = split(value, ',');
  if (key == "branch") options.branch = parse_bool(spec, key, value);
  if (key == "residual") options.residual = parse_bool(spec, key, value);
  if (key == "heads") options.heads = parse_count(spec, key, value);
}

std::string option_text(const std::string& key, const MixerOptions& options) {
  if (key == "transform") return options.transform;
  if (key == "wavelet") return options.wavelet;
  if (key == "axes") return options.axes;
  if (key == "levels") return std::to_string(options.levels);
  if (key == "inverse") return options.inverse ? "true" : "false";
  if (key == "bases") return fmt::format("{}", fmt::join(options.bases, ","));
  if (key == "branch") return options.branch ? "true" : "false";
  if (key == "residual") return options.residual ? "true" : "false";
  return std::to_string(options.heads);
}

}  // namespace

std::string text_of(const MixerEntry& entry, const MixerOptions& options) {
  std::string text = entry.name;
  for (const std::string& key : split(entry.options, ',')) {
    const std::string value = key.empty() ? "" : option_text(key, options);
    if (!value.empty()) text += ":" + key + "=" + value;  // axes and bases: the mixer's own
  }
  return text;
}

MixerSpec parse_mixer_spec(const std::string& spec, const MixerOptions& defaults) {
  const std::vector<std::string> parts = split(spec, ':');
  MixerSpec result{&find_mixer(parts[0]), defaults, spec};
  const std::vector<std::string> known = split(result.entry->options, ',');
  if (std::find(known.begin(), known.end(), "residual") == known.end()) result.options.residual = true;
  for (size_t i = 1; i < parts.size(); ++i) {
    const size_t equals = parts[i].find('=');
    if (equals == std::string::npos) {
      throw input_error("mixer '{}': '{}' is not option=value", spec, parts[i]);
    }
    const std::string key = parts[i].substr(0, equals);
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      if (*result.entry->options == '\0') throw input_error("mixer '{}': {} takes no options", spec, parts[0]);
      throw input_error("mixer '{}': unknown option {}", spec, unknown_name(key, known));
    }
    set_option(result.options, spec, key, parts[i].substr(equals + 1));
  }
  return result;
}

}  // namespace spikemix
