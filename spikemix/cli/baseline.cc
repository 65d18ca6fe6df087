// SPDX-License-Identifier: MIT
#include "spikemix/cli/baseline.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "spikemix/config/config.h"

namespace spikemix {
namespace {

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// "train.init" stands for one that earlier versions had, too; "test_data" exists only in comparisons.
bool is_key(const std::string& word) {
  if (word == "test_data") return true;
  bool found = false;
  Config().visit_sections(
      [&](const char* section, const auto&) { found |= word.starts_with(section + std::string(".")); });
  return found;
}

std::string bare(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '"' || c == '[' || c == ']'; });
  return text;
}

}  // namespace

std::vector<Setting> settings_in(const std::string& text) {
  std::vector<std::string> words(1);
  int open = 0;
  bool quoted = false;
  for (const char c : text) {
    open += (c == '[') - (c == ']');
    quoted ^= c == '"';
    if (c == ' ' && open == 0 && !quoted)
      words.emplace_back();
    else
      words.back() += c;
  }
  std::vector<Setting> settings;
  for (const std::string& word : words) {
    const size_t equals = std::min(word.find('='), word.size());
    if (!settings.empty() && !is_key(word.substr(0, equals)))
      settings.back().value += " " + word;
    else if (!word.empty())
      settings.push_back({word.substr(0, equals), equals < word.size() ? word.substr(equals + 1) : ""});
  }
  return settings;
}

bool same_value(const std::string& a, const std::string& b) {
  const std::optional<double> x = number_in(a), y = number_in(b);
  return x && y ? *x == *y : bare(a) == bare(b);
}

bool has_settings(const std::map<std::string, std::string>& settings, const std::vector<Setting>& wanted) {
  return std::ranges::all_of(wanted, [&](const Setting& w) {
    const auto found = settings.find(w.key);
    return same_value(found == settings.end() ? "" : found->second, w.value);
  });
}

}  // namespace spikemix
