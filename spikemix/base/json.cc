// SPDX-License-Identifier: MIT
#include "spikemix/base/json.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/base/text.h"

namespace spikemix {
namespace {

// The characters that stand for the bytes 0x80 to 0xff. All of them begin with the byte kStandInLead.
constexpr char32_t kStandIns = 0xef80, kLastStandIn = 0xefff;
constexpr char kStandInLead = '\xee';

bool is_stand_in(const Character& c) { return c.valid && c.code >= kStandIns && c.code <= kLastStandIn; }

std::string utf8(char32_t code) {  // three bytes long
  return {char(0xe0 | code >> 12), char(0x80 | (code >> 6 & 0x3f)), char(0x80 | (code & 0x3f))};
}

bool needs_stand_ins(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(first_character(text).bytes)) {
    const Character c = first_character(text);
    if (!c.valid || is_stand_in(c)) return true;
  }
  return false;
}

std::string with_stand_ins(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character c = first_character(text);
    if (c.valid && !is_stand_in(c)) {
      result += text.substr(0, c.bytes);
    } else {
      for (const char byte : text.substr(0, c.bytes))
        result += utf8(kStandIns + (static_cast<unsigned char>(byte) & 0x7f));
    }
    text.remove_prefix(c.bytes);
  }
  return result;
}

std::string without_stand_ins(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character c = first_character(text);
    if (is_stand_in(c))
      result += char(c.code - kStandIns + 0x80);
    else
      result += text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return result;
}

// Does any string or key of the document need a stand-in?
template <class Json>
bool needs_stand_ins(const Json& document) {
  if (document.is_string()) return needs_stand_ins(std::string_view(document.template get_ref<const std::string&>()));
  if (!document.is_structured()) return false;
  for (const auto& [key, value] : document.items()) {
    if ((document.is_object() && needs_stand_ins(std::string_view(key))) || needs_stand_ins(value)) return true;
  }
  return false;
}

template <class Json, class Change>
Json with_strings_changed(const Json& document, const Change& change) {
  if (document.is_string()) return change(document.template get_ref<const std::string&>());
  if (!document.is_structured()) return document;
  Json result = document.is_object() ? Json::object() : Json::array();
  for (const auto& [key, value] : document.items()) {
    if (document.is_object())
      result[change(key)] = with_strings_changed(value, change);
    else
      result.push_back(with_strings_changed(value, change));
  }
  return result;
}

// Writes stand-ins as ASCII escapes, so that a document inside another one's string is encoded only once.
std::string escaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character c = first_character(text);
    result += is_stand_in(c) ? fmt::format("\\u{:04x}", uint32_t(c.code)) : text.substr(0, c.bytes);
    text.remove_prefix(c.bytes);
  }
  return result;
}

template <class Json>
std::string text_of(const Json& document, int indent) {
  if (!needs_stand_ins(document)) return document.dump(indent);
  return escaped(with_strings_changed(document, with_stand_ins).dump(indent));
}

// Builds the document, and throws the errors of parse_json(). The library's own parser with a callback takes time that
// grows with the square of an object's keys: at each value's end it walks all that came before.
class Builder : public nlohmann::json_sax<nlohmann::json> {
  using Json = nlohmann::json;

 public:
  Builder(const std::string& what, int depth) : what_(what), depth_(size_t(depth)) {}

  const Json& document() const { return document_; }
  Json take() { return std::move(document_); }
  /// Are there strings or keys with stand-ins, perhaps?
  bool stand_ins() const { return stand_ins_; }

  bool null() override { return put(nullptr), true; }
  bool boolean(bool value) override { return put(value), true; }
  bool number_integer(int64_t value) override { return put(value), true; }
  bool number_unsigned(uint64_t value) override { return put(value), true; }
  bool number_float(double value, const std::string&) override { return put(value), true; }
  bool string(std::string& value) override {
    look_at(value);
    return put(std::move(value)), true;
  }
  bool binary(Json::binary_t&) override { return false; }  // JSON text has none

  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return around_.pop_back(), true; }
  bool end_array() override { return around_.pop_back(), true; }

  bool key(std::string& name) override {
    look_at(name);
    const auto [place, is_new] = around_.back()->emplace(name, nullptr);
    if (!is_new) throw input_error("{} has '{}' twice; damaged, or not written by spikemix", what_, shortened(name));
    named_ = &*place;
    return true;
  }

  bool parse_error(size_t byte, const std::string&, const Json::exception& error) override {
    if (dynamic_cast<const Json::out_of_range*>(&error)) throw input_error("{} has a number that is too large", what_);
    throw input_error("{} is not JSON (byte {} of it); incomplete or corrupt?", what_, byte);
  }

 private:
  // Values stay where they are put: while one is open, those around it get no others.
  Json* put(Json value) {
    if (around_.empty()) return &(document_ = std::move(value));
    if (around_.back()->is_object()) return &(*named_ = std::move(value));
    around_.back()->push_back(std::move(value));
    return &around_.back()->back();
  }

  bool open(Json value) {
    if (around_.size() >= depth_)
      throw input_error("{} is nested deeper than {} levels; damaged, or not written by spikemix", what_, depth_);
    around_.push_back(put(std::move(value)));
    return true;
  }

  void look_at(const std::string& text) { stand_ins_ |= text.find(kStandInLead) != std::string::npos; }

  const std::string& what_;
  const size_t depth_;
  Json document_;
  std::vector<Json*> around_;  // the objects and arrays that the current place is in
  Json* named_ = nullptr;      // of the last key
  bool stand_ins_ = false;
};

}  // namespace

std::string json_text(const nlohmann::json& document, int indent) { return text_of(document, indent); }
std::string json_text(const nlohmann::ordered_json& document, int indent) { return text_of(document, indent); }

nlohmann::json parse_json(std::string_view text, const std::string& what, int depth) {
  Builder builder(what, depth);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.stand_ins() ? with_strings_changed(builder.document(), without_stand_ins) : builder.take();
}

}  // namespace spikemix
