#include "spikemix/events/text_header.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace spikemix {
namespace {

bool is_text(std::string_view line) {
  return std::ranges::none_of(line, [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return result;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

}  // namespace

TextHeader read_text_header(std::span<const uint8_t> head, char mark, std::string_view last) {
  TextHeader header;
  const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
  while (header.size < all.size() && all[header.size] == mark) {
    const size_t end = all.find('\n', header.size);
    if (end == all.npos) break;
    std::string_view line = all.substr(header.size, end - header.size);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_text(line)) break;
    header.size = end + 1;
    header.text.append(line) += '\n';
    if (!last.empty() && line == last) break;
  }
  return header;
}

std::optional<std::string> TextHeader::value(std::string_view key) const {
  const size_t found = lower(text).find(lower(key));
  if (found == text.npos) return {};
  const size_t first = found + key.size();
  return std::string(trim(std::string_view(text).substr(first, text.find('\n', first) - first)));
}

std::optional<std::pair<int, int>> parse_size(std::string_view text) {
  const size_t x = text.find_first_of("xX");
  if (x == text.npos) return {};
  const auto number = [](std::string_view digits) -> std::optional<int> {
    digits = trim(digits);
    int value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.size() > 5 || result.ec != std::errc() || result.ptr != digits.data() + digits.size()) return {};
    return value > 0 && value <= 1 << 16 ? std::optional(value) : std::nullopt;
  };
  const auto width = number(text.substr(0, x)), height = number(text.substr(x + 1));
  if (!width || !height) return {};
  return std::pair(*width, *height);
}

}  // namespace spikemix
