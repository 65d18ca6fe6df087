// SPDX-License-Identifier: MIT
#include "spikemix/base/json.h"

#include <set>
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

}  // namespace

std::string json_text(const nlohmann::json& document, int indent) { return text_of(document, indent); }
std::string json_text(const nlohmann::ordered_json& document, int indent) { return text_of(document, indent); }

nlohmann::json parse_json(std::string_view text, const std::string& what, int depth) {
  using nlohmann::json;
  bool stand_ins = false;
  std::vector<std::set<std::string>> keys;  // of the objects around the current place
  const auto watch = [&](int level, json::parse_event_t event, json& value) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (level >= depth)
        throw input_error("{} is nested deeper than {} levels; damaged, or not written by spikemix", what, depth);
      keys.resize(size_t(level) + 1);
      keys.back().clear();
    }
    if (event == Event::key && !keys[size_t(level) - 1].insert(value.get_ref<const std::string&>()).second)
      throw input_error("{} has '{}' twice; damaged, or not written by spikemix", what,
                        value.get_ref<const std::string&>());
    if (value.is_string()) stand_ins |= value.get_ref<const std::string&>().find(kStandInLead) != std::string::npos;
    return true;
  };
  try {
    json document = json::parse(text.begin(), text.end(), watch);
    return stand_ins ? with_strings_changed(document, without_stand_ins) : document;
  } catch (const json::parse_error& error) {
    throw input_error("{} is not JSON (byte {} of it); incomplete or corrupt?", what, error.byte);
  } catch (const json::out_of_range&) {
    throw input_error("{} has a number that is too large", what);
  }
}

}  // namespace spikemix
