#include "spikemix/events/npy_header.h"

#include <charconv>

namespace spikemix {
namespace {

// What follows "'key':", without the blanks before it; empty if there is no such key.
std::string_view after_key(std::string_view text, std::string_view key) {
  const std::string quoted = "'" + std::string(key) + "':";
  const size_t found = text.find(quoted);
  if (found == text.npos) return {};
  text.remove_prefix(found + quoted.size());
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  return text;
}

// Takes "'...'" off the front, after blanks, commas and brackets.
std::optional<std::string> take_string(std::string_view& text) {
  const size_t first = text.find_first_not_of(" ,()[");
  if (first == text.npos || text[first] != '\'') return {};
  const size_t end = text.find('\'', first + 1);
  if (end == text.npos) return {};
  std::string value(text.substr(first + 1, end - first - 1));
  text.remove_prefix(end + 1);
  return value;
}

// "<i8", "|b1", ">u2", "|V3".
std::optional<NpyField> parse_type(std::string_view type) {
  if (type.size() < 3) return {};
  NpyField field;
  field.big_endian = type[0] == '>';
  field.kind = type[1];
  const auto result = std::from_chars(type.data() + 2, type.data() + type.size(), field.size);
  if (result.ec != std::errc() || result.ptr != type.data() + type.size()) return {};
  const bool power = field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8;
  const bool fits =
      field.kind == 'f' ? field.size >= 4 && power : (field.kind == 'V' ? field.size > 0 && field.size <= 1024 : power);
  if (!fits || std::string_view("iubfV").find(field.kind) == std::string_view::npos) return {};
  if (field.kind == 'b' && field.size != 1) return {};
  return field;
}

}  // namespace

std::optional<NpyHeader> parse_npy_header(std::string_view text) {
  NpyHeader header;
  std::string_view descr = after_key(text, "descr");
  if (descr.empty()) return {};
  const bool records = descr[0] == '[';
  if (records) descr = descr.substr(0, descr.find(']'));
  do {
    std::string name;
    if (records) {
      const auto taken = take_string(descr);
      if (!taken) return {};
      name = *taken;
    }
    const auto type = take_string(descr);
    auto field = type ? parse_type(*type) : std::nullopt;
    if (!field) return {};
    field->name = name;
    field->offset = header.element;
    header.element += field->size;
    header.fields.push_back(*field);
    if (header.fields.size() > 64) return {};
  } while (records && descr.find('(') != descr.npos);

  std::string_view shape = after_key(text, "shape");
  if (!shape.starts_with('(')) return {};
  shape.remove_prefix(1);
  const auto result = std::from_chars(shape.data(), shape.data() + shape.size(), header.length);
  if (result.ec != std::errc()) return {};
  shape.remove_prefix(size_t(result.ptr - shape.data()));
  if (!shape.starts_with(",)")) return {};
  if (header.length > (uint64_t(1) << 48)) return {};
  return header;
}

}  // namespace spikemix
