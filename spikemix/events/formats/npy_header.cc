// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/npy_header.h"

#include <algorithm>
#include <charconv>

namespace spikemix {
namespace {

constexpr size_t kMostFields = 64, kLargestElement = 1 << 16;
constexpr int kDeepest = 8;  // records in records

// The text after "'key':"; empty if there is no such key.
std::string_view after_key(std::string_view text, std::string_view key) {
  const std::string quoted = "'" + std::string(key) + "':";
  const size_t found = text.find(quoted);
  return found == text.npos ? std::string_view() : text.substr(found + quoted.size());
}

// Parses a Python literal from front to back.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_blanks();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool next_is(char c) {
    skip_blanks();
    return text_.starts_with(c);
  }
  std::optional<std::string_view> take_string() {
    skip_blanks();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return {};
    const size_t end = text_.find(text_[0], 1);
    if (end == text_.npos) return {};
    const std::string_view value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<uint64_t> take_number() {
    skip_blanks();
    uint64_t value = 0;
    const auto result = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (result.ec != std::errc()) return {};
    text_.remove_prefix(size_t(result.ptr - text_.data()));
    return value;
  }
  // "(3, 4)" and "(3,)".
  std::optional<std::vector<uint64_t>> take_shape() {
    if (!take('(')) return {};
    std::vector<uint64_t> shape;
    while (!take(')')) {
      const auto number = take_number();
      if (!number || shape.size() == kMostFields || (!take(',') && !next_is(')'))) return {};
      shape.push_back(*number);
    }
    return shape;
  }

 private:
  void skip_blanks() { text_.remove_prefix(std::min(text_.size(), text_.find_first_not_of(" \n"))); }

  std::string_view text_;
};

// "<i8", "|b1", ">u2"; types that are not numbers of a common size ("|V3", "<U10", "<m8[us]") only take up space.
std::optional<NpyField> parse_type(std::string_view type) {
  if (type.size() < 3) return {};
  NpyField field;
  field.big_endian = type[0] == '>';
  field.kind = type[1];
  const auto result = std::from_chars(type.data() + 2, type.data() + type.size(), field.size);
  if (result.ec != std::errc() || field.size > kLargestElement || field.kind == 'O') return {};  // O: pickled
  if (field.kind == 'U') field.size *= 4;
  const bool plain = result.ptr == type.data() + type.size();
  const bool power = field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8;
  const bool whole = (field.kind == 'i' || field.kind == 'u') && power;
  const bool real = field.kind == 'f' && power && field.size >= 4;
  if (!plain || !(whole || real || (field.kind == 'b' && field.size == 1))) field.kind = NpyField::kOther;
  return field;
}

// A type's name, or the fields of records: [('t', '<i8'), (('title', 'x'), '<i2', (1,)), ...], which are added to
// `fields`. @return the bytes of an element
std::optional<size_t> parse_element(Literal& literal, std::vector<NpyField>* fields, int depth) {
  if (!literal.take('[')) {
    const auto type = literal.take_string();
    const auto field = type ? parse_type(*type) : std::nullopt;
    if (!field) return {};
    if (fields) fields->push_back(*field);
    return field->size;
  }
  size_t size = 0;
  for (size_t n = 0; !literal.take(']'); ++n) {
    if (n == kMostFields || depth == kDeepest || !literal.take('(')) return {};
    const bool titled = literal.take('(');
    if (titled && (!literal.take_string() || !literal.take(','))) return {};
    const auto name = literal.take_string();
    if (!name || (titled && !literal.take(')')) || !literal.take(',')) return {};
    std::vector<NpyField> inner;
    const auto one = parse_element(literal, &inner, depth + 1);
    if (!one) return {};
    NpyField field = inner.size() == 1 ? inner[0] : NpyField{};
    if (inner.size() != 1 || !inner[0].name.empty()) field.kind = NpyField::kOther;
    field.size = *one;
    if (literal.take(',') && !literal.next_is(')')) {
      const auto shape = literal.take_shape();
      if (!shape) return {};
      for (const uint64_t length : *shape) {
        if (length > kLargestElement || field.size * length > kLargestElement) return {};
        if (length != 1) field.kind = NpyField::kOther;
        field.size *= length;
      }
    }
    if (!literal.take(')')) return {};
    literal.take(',');
    field.name = *name;
    field.offset = size;
    size += field.size;
    if (size > kLargestElement) return {};
    if (fields) fields->push_back(field);
  }
  return size;
}

}  // namespace

std::optional<NpyHeader> parse_npy_header(std::string_view text) {
  NpyHeader header;
  Literal descr(after_key(text, "descr")), shape(after_key(text, "shape"));
  const auto element = parse_element(descr, &header.fields, 0);
  if (!element || *element == 0) return {};
  header.element = *element;
  // (N,), or (N, 1) and (1, N), which are the same numbers.
  const auto lengths = shape.take_shape();
  if (!lengths || lengths->empty() || std::ranges::count_if(*lengths, [](uint64_t n) { return n != 1; }) > 1) return {};
  header.length = *std::ranges::max_element(*lengths);
  if (std::ranges::count(*lengths, uint64_t(0)) > 0) header.length = 0;
  if (header.length > (uint64_t(1) << 48)) return {};
  return header;
}

}  // namespace spikemix
