// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/text_header.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace spikemix {
namespace {

bool is_text(std::string_view line) {
  return std::ranges::none_of(line, [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7F; });
}

// How a header's lines end.
struct Lines {
  enum End {
    kWhole,        // no more lines can come
    kWithinALine,  // the bytes end there
    kBetweenTwo    // or perhaps after the last
  };
  size_t size = 0;
  End end = kBetweenTwo;
};

// For `all`, whose first `size` bytes are lines.
Lines lines_of(std::string_view all, size_t size, char mark, std::string_view last) {
  while (size < all.size() && all[size] == mark) {
    const size_t end = all.find('\n', size);
    std::string_view line = all.substr(size, end - size);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!is_text(line)) return {size, Lines::kWhole};
    if (end == all.npos) return {size, Lines::kWithinALine};
    size = end + 1;
    if (!last.empty() && line == last) return {size, Lines::kWhole};
  }
  return {size, size < all.size() ? Lines::kWhole : Lines::kBetweenTwo};
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return result;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

}  // namespace

TextHeader read_text_header(std::span<const uint8_t> head, char mark, std::string_view last) {
  const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
  const Lines lines = lines_of(all, 0, mark, last);
  return {std::string(all.substr(0, lines.size)), lines.end == Lines::kWithinALine, lines.end == Lines::kWhole};
}

TextHeader read_text_header(ByteSource& source, char mark, std::string_view last) {
  constexpr size_t kMost = 1 << 24;
  Lines lines;
  for (size_t bytes = 1;;) {
    const auto head = source.peek(bytes);
    const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
    lines = lines_of(all, lines.size, mark, last);
    const bool more = head.size() >= bytes && head.size() < kMost && lines.end != Lines::kWhole;
    if (more) {
      bytes = head.size() + 1;
      continue;
    }
    if (lines.end == Lines::kWithinALine) {
      throw source.error_at(source.offset() + head.size(), "the file ends within its header of text");
    }
    TextHeader header{std::string(all.substr(0, lines.size))};
    source.skip(lines.size);
    return header;
  }
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
