#include "spikemix/core/model_card.h"

#include "spikemix/core/error.h"

namespace spikemix {

std::string ModelCard::to_text() const {
  Config config;
  config.name = name, config.model = model, config.neuron = neuron;
  const nlohmann::json all = to_json(config);
  return nlohmann::json{{"version", 1}, {"name", name}, {"model", all["model"]}, {"neuron", all["neuron"]},
                        {"mean", mean}, {"std", std},   {"classes", classes},    {"training", training}}
      .dump();
}

ModelCard ModelCard::from_text(const std::string& text, const std::string& where) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
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
    return card;
  } catch (const nlohmann::json::exception& error) {
    throw input_error("{}: its config is not a model's: {}", where, error.what());
  }
}

}  // namespace spikemix
