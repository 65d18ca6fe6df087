// SPDX-License-Identifier: MIT
#include "spikemix/formats/model_card.h"

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/base/text.h"
#include "spikemix/config/config.h"
#include "spikemix/config/config_json.h"
#include "spikemix/formats/model_card_json.h"

namespace spikemix {
namespace {

constexpr int kMaxSensor = 1 << 16;  // x and y of an event have 16 bits

FrameSettings frames_from(const nlohmann::json& json, const std::string& where) {
  FrameSettings frames;
  frames.by = json.value("by", frames.by), frames.values = json.value("values", frames.values);
  frames.step_us = json.value("step_us", 0.0), frames.step_events = json.value("step_events", 0.0);
  for (const double step : {frames.step_us, frames.step_events}) {
    constexpr double kMost = 1e15;
    if (!(step >= 0 && step <= kMost))
      throw input_error("{}: its frames' step_us or step_events is {}, expected 0 to {}", where, step, kMost);
  }
  if (!json.contains("sensor")) return frames;
  const auto sensor = json["sensor"].get<std::vector<int64_t>>();
  const auto fits = [](int64_t pixels) { return pixels >= 1 && pixels <= kMaxSensor; };
  if (sensor.size() != 2 || !fits(sensor[0]) || !fits(sensor[1])) {
    throw input_error("{}: its frames are of the sensor {}, expected [width, height], 1 to {} each", where,
                      json_text(json["sensor"]), kMaxSensor);
  }
  frames.sensor_width = int(sensor[0]), frames.sensor_height = int(sensor[1]);
  return frames;
}

void check(Config config, const FrameSettings& frames, const std::string& where) {
  config.data.frames = frames.by, config.data.frame_values = frames.values;
  try {
    validate(config);
  } catch (const InputError& error) {
    throw input_error("{}: its {}", where, error.what());
  }
}

}  // namespace

nlohmann::json training_of(const ModelCard& card) {
  return card.training.empty() ? nlohmann::json() : parse_json(card.training, "ModelCard::training");
}

std::string ModelCard::to_text() const {
  Config config;
  config.name = name, config.model = model, config.neuron = neuron;
  const nlohmann::json all = to_json(config);
  nlohmann::json json{{"version", 1}, {"name", name}, {"model", all["model"]}, {"neuron", all["neuron"]},
                      {"mean", mean}, {"std", std},   {"classes", classes},    {"training", training_of(*this)}};
  if (model.takes_events()) {
    json["frames"] = {
        {"by", frames.by}, {"values", frames.values}, {"step_us", frames.step_us}, {"step_events", frames.step_events}};
    if (frames.sensor_width > 0) json["frames"]["sensor"] = {frames.sensor_width, frames.sensor_height};
  }
  return json_text(json);
}

ModelCard ModelCard::from_text(const std::string& text, const std::string& where) {
  const nlohmann::json json = parse_json(text, where + ": its config");
  if (!json.is_object()) throw input_error("{}: its config is not a JSON object", where);
  if (json.value("version", nlohmann::json(1)) != 1) {
    throw input_error("{}: written by a newer spikemix (config version {})", where, json_text(json["version"]));
  }
  for (const char* key : {"model", "neuron", "frames", "training"}) {
    const auto member = json.find(key);
    // What is empty in any way is as if it were not there: to_text() writes null for a card without training.
    if (member == json.end() || member->is_object()) continue;
    if (std::string_view(key) == "training" && member->empty()) continue;
    throw input_error("{}: its config's '{}' is {}, expected a JSON object; damaged, or not written by spikemix", where,
                      key, printable(shortened(json_text(*member), 60)));
  }
  try {
    const Config config = config_from_json({{"model", json.at("model")}, {"neuron", json.at("neuron")}}, where);
    ModelCard card;
    card.name = json.value("name", "");
    card.model = config.model, card.neuron = config.neuron;
    card.mean = json.value("mean", card.mean), card.std = json.value("std", card.std);
    card.classes = json.value("classes", card.classes);
    if (json.contains("training") && !json["training"].empty()) card.training = json_text(json["training"]);
    card.frames = frames_from(json.value("frames", nlohmann::json::object()), where);
    check(config, card.frames, where);
    return card;
  } catch (const nlohmann::json::exception&) {
    throw input_error(
        "{}: its config is not a model's: one of 'model', 'neuron', 'name', 'mean', 'std', 'classes' and "
        "'frames' is missing or has another type; not a model file, or damaged",
        where);
  }
}

}  // namespace spikemix
