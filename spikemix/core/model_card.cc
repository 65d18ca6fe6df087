#include "spikemix/core/model_card.h"

#include "spikemix/core/error.h"

namespace spikemix {
namespace {

void check(const Config& config, const std::string& where) {
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
  return nlohmann::json{{"version", 1}, {"name", name}, {"model", all["model"]}, {"neuron", all["neuron"]},
                        {"mean", mean}, {"std", std},   {"classes", classes},    {"training", training}}
      .dump();
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
    check(config, where);
    return card;
  } catch (const nlohmann::json::exception& error) {
    throw input_error("{}: its config is not a model's: {}", where, error.what());
  }
}

}  // namespace spikemix
