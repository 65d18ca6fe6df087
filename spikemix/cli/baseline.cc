#include "spikemix/cli/baseline.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace spikemix {
namespace {

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string bare(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '"' || c == '[' || c == ']'; });
  return text;
}

}  // namespace

std::vector<Setting> settings_in(const std::string& text) {
  std::vector<std::string> words(1);
  int open = 0;
  for (const char c : text) {
    open += (c == '[') - (c == ']');
    if (c == ' ' && open == 0)
      words.emplace_back();
    else
      words.back() += c;
  }
  std::vector<Setting> settings;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    const size_t equals = std::min(word.find('='), word.size());
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
