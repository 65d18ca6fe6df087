#include "spikemix/core/model_card.h"

#include "spikemix/core/error.h"

namespace spikemix {
namespace {

void check(Config config, const FrameSettings& frames, const std::string& where) {
  config.data.frames = frames.by, config.data.frame_values = frames.values;
  try {
    validate(config);
  } catch (const InputError& error) {
    throw input_error("{}: its {}", where, error.what());
  }
}

}  // namespace

std::string ModelCard::to_text() const {
  Config config;
  config.name = name, config.model = model, config.neuron = neuron;
  const nlohmann::json all = to_json(config);
  nlohmann::json json{{"version", 1}, {"name", name}, {"model", all["model"]}, {"neuron", all["neuron"]},
                      {"mean", mean}, {"std", std},   {"classes", classes},    {"training", training}};
  if (model.takes_events()) {
    json["frames"] = {
        {"by", frames.by}, {"values", frames.values}, {"step_us", frames.step_us}, {"step_events", frames.step_events}};
  }
  return json.dump();
}

ModelCard ModelCard::from_text(const std::string& text, const std::string& where) {
  // Copying and writing JSON recurse: a file that nests a million lists would end in a stack overflow.
  constexpr int kMaxDepth = 32;
  const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxDepth) throw input_error("{}: its config is nested deeper than {} levels", where, kMaxDepth);
    return true;
  };
  const nlohmann::json json = nlohmann::json::parse(text, check_depth, /*allow_exceptions=*/false);
  if (!json.is_object()) throw input_error("{}: its config is no JSON object", where);
  if (json.value("version", nlohmann::json(1)) != 1) {
    throw input_error("{}: written by a newer spikemix (config version {})", where, json["version"].dump());
  }
  try {
    const Config config = config_from_json({{"model", json.at("model")}, {"neuron", json.at("neuron")}}, where);
    ModelCard card;
    card.name = json.value("name", "");
    card.model = config.model, card.neuron = config.neuron;
    card.mean = json.value("mean", card.mean), card.std = json.value("std", card.std);
    card.classes = json.value("classes", card.classes);
    card.training = json.value("training", nlohmann::json());
    const nlohmann::json frames = json.value("frames", nlohmann::json::object());
    card.frames.by = frames.value("by", card.frames.by);
    card.frames.values = frames.value("values", card.frames.values);
    card.frames.step_us = frames.value("step_us", 0.0);
    card.frames.step_events = frames.value("step_events", 0.0);
    check(config, card.frames, where);
    return card;
  } catch (const nlohmann::json::exception& error) {
    throw input_error("{}: its config is not a model's: {}", where, error.what());
  }
}

}  // namespace spikemix
