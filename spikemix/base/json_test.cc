// SPDX-License-Identifier: MIT
#include "spikemix/base/json.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

json through_text(const json& document) { return parse_json(json_text(document), "f:"); }

TEST(Json, RoundTripsAllBytes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += char(c);
  for (const std::string& text : {std::string("caf\xe9"), std::string("\xb0\xa1\xc4"), all, std::string("\uef80\uefff"),
                                  std::string("\xee\xbe"), std::string("猫 \uefe9 \xe9"), std::string("\\uefe9")}) {
    const json document = {{text, {text, {{"nested", text}}}}};
    EXPECT_EQ(through_text(document), document) << json_text(document);
    EXPECT_EQ(through_text(json_text(document)), json_text(document));  // a document in another one's string
  }
}

TEST(Json, ValidTextIsWrittenUnchanged) {
  const json document = {{"name", "猫 é\n"}, {"list", {1, 2.5, nullptr}}};
  EXPECT_EQ(json_text(document), document.dump());
  EXPECT_EQ(json_text(document, 2), document.dump(2));
  EXPECT_EQ(json_text(json("caf\xe9")), R"("caf\uefe9")");
}

TEST(Json, RefusesInOneLine) {
  const auto refuses = [](const std::string& text, const std::string& message) {
    EXPECT_THAT([&] { parse_json(text, "f:"); }, ThrowsMessage<InputError>(StartsWith("f: " + message)));
  };
  refuses("", "is not JSON");
  refuses("{\"a\": 1", "is not JSON (byte 8 of it)");
  refuses("[1e999]", "has a number that is too large");
  refuses(R"({"a": {"b": 1, "b": 2}})", "has 'b' twice");
  refuses("\"\xe9\"", "is not JSON");
  refuses(std::string(33, '[') + std::string(33, ']'), "is nested deeper than 32 levels");
  refuses(std::string(1'000'000, '['), "is nested deeper");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  refuses(objects, "is nested deeper");
  EXPECT_NO_THROW(parse_json(std::string(32, '[') + std::string(32, ']'), "f:"));
  EXPECT_NO_THROW(parse_json(R"([{"a": 1}, {"a": 1}])", "f:"));
  refuses(R"({"a": 1} 2)", "is not JSON (byte 10 of it)");
  refuses(R"({"a": [1, {"b": 2}], "c": {"b": [{"b": 1}, 2], "b": 3}})", "has 'b' twice");
  const std::string name(100'000, 'n');
  refuses("{\"" + name + "\": 1, \"" + name + "\": 2}", "has '" + name.substr(0, 200) + "...' twice");
}

TEST(Json, IsTheLibrarysDocument) {
  for (const char* text : {"null", "true", "-1", "18446744073709551615", "2.5e3", "\"\"", "[]", "{}", " [ 1 ] ",
                           R"({"b": [[], {}, [1, {"c": null}], "d"], "a": {"a": {"a": false}}, "": -0.0})"})
    EXPECT_EQ(parse_json(text, "f:").dump(), json::parse(text).dump()) << text;
}

}  // namespace
}  // namespace spikemix
