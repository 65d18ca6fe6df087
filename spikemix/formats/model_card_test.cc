// SPDX-License-Identifier: MIT
#include "spikemix/formats/model_card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using testing::ThrowsMessage;

TEST(ModelCard, ComesBackAsWritten) {
  ModelCard card;
  card.name = "a", card.model.T = 3, card.neuron.tau = 1.5, card.mean = {0.1, 0.2, 0.3}, card.classes = {"x", "y"};
  card.training = R"({"epoch":7})";
  const ModelCard back = ModelCard::from_text(card.to_text(), "m");
  EXPECT_EQ(back.to_text(), card.to_text());
  EXPECT_EQ(back.model.T, 3);
  EXPECT_EQ(back.training, card.training);
}

TEST(ModelCard, RefusesTextThatIsNotAModels) {
  const auto refuses = [](const std::string& text, const std::string& message) {
    EXPECT_THAT([&] { ModelCard::from_text(text, "m"); }, ThrowsMessage<InputError>(StartsWith("m: " + message)));
  };
  const auto with = [](const std::string& model, const std::string& more = "") {
    return R"({"model": )" + model + R"(, "neuron": {})" + more + "}";
  };
  refuses("", "its config is not JSON (byte 1");
  refuses("[1]", "its config is not a JSON object");
  refuses("{}", "its config is not a model's");
  refuses(with("{}", R"(, "version": 2)"), "written by a newer spikemix");
  refuses(with("{}", R"(, "mean": "grey")"), "its config is not a model's");
  refuses(with(R"({"pool": []})"), "its model.pool has 0 values, expected 4");
  refuses(with(R"({"depth": 0})"), "its model.depth = 0: expected 1 to 126");
  for (const char* wrong : {"3", "[1]", "\"a\"", "true"}) {
    refuses(with("{}", std::string(R"(, "training": )") + wrong), std::string("its config's 'training' is ") + wrong);
    refuses(with("{}", std::string(R"(, "frames": )") + wrong), std::string("its config's 'frames' is ") + wrong);
    refuses(with(wrong), std::string("its config's 'model' is ") + wrong);
  }
  for (const char* none : {"null", "{}", "[]"})
    EXPECT_EQ(ModelCard::from_text(with("{}", std::string(R"(, "training": )") + none), "m").training, "");
  // At this depth, copying it would overflow the stack.
  refuses(with("{}", R"(, "training": )" + std::string(300'000, '[') + std::string(300'000, ']')),
          "its config is nested");
}

TEST(ModelCard, KnowsTheSensorOfItsFrames) {
  ModelCard card;
  card.model.input = "events", card.model.channels = 2;
  EXPECT_EQ(card.to_text().find("sensor"), std::string::npos);  // as in files of older versions
  EXPECT_EQ(ModelCard::from_text(card.to_text(), "m").frames.sensor_width, 0);
  card.frames.by = "time", card.frames.sensor_width = 240, card.frames.sensor_height = 180;
  const std::string text = card.to_text(), sensor = "[240,180]";
  const ModelCard back = ModelCard::from_text(text, "m");
  EXPECT_EQ(back.to_text(), text);
  EXPECT_EQ(back.frames.sensor_width, 240);
  EXPECT_EQ(back.frames.sensor_height, 180);
  for (const char* wrong : {"[0,180]", "[240]", "[240,-1]", "[65537,1]", "[1e300,1]", "\"240x180\"", "{}", "[[],[]]"}) {
    std::string damaged = text;
    damaged.replace(damaged.find(sensor), sensor.size(), wrong);
    EXPECT_THROW(ModelCard::from_text(damaged, "m"), InputError) << wrong;
  }
}

TEST(ModelCard, ClassNamesOfAnyBytesComeBack) {
  ModelCard card;
  card.name = "run \xff", card.classes = {"caf\xe9", "caf\xe8"};
  const ModelCard back = ModelCard::from_text(card.to_text(), "m");
  EXPECT_EQ(back.classes, card.classes);
  EXPECT_EQ(back.name, card.name);
}

}  // namespace
}  // namespace spikemix
