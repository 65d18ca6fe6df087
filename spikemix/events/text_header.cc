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
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

}  // namespace

TextHeader read_text_header(std::span<const uint8_t> head, char mark, std::string_view last) {
  TextHeader header;
  const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
  size_t size = 0;
  while (size < all.size() && all[size] == mark) {
    const size_t end = all.find('\n', size);
    std::string_view line = all.substr(size, end - size);
    if (line.ends_with('\r')) line.remove_suffix(1);
    header.cut = end == all.npos && is_text(line);
    if (end == all.npos || !is_text(line)) break;
    size = end + 1;
    if (!last.empty() && line == last) break;
  }
  header.text = all.substr(0, size);
  return header;
}

TextHeader read_text_header(ByteSource& source, char mark, std::string_view last) {
  size_t window = 1 << 16;
  for (;;) {
    const auto head = source.peek(window);
    const TextHeader header = read_text_header(head, mark, last);
    const bool whole = head.size() < window;
    if (header.cut || header.text.size() == head.size()) {  // there may be more of it
      if (!whole && window < 1 << 24) {
        window *= 4;
        continue;
      }
      if (header.cut) throw source.error_at(source.offset() + head.size(), "the file ends within its header of text");
    }
    source.skip(header.text.size());
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
