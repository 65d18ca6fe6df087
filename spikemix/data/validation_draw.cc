// SPDX-License-Identifier: MIT
#include "spikemix/data/validation_draw.h"

#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/formats/model_card_json.h"

namespace spikemix {

nlohmann::json ValidationDraw::to_json() const {
  nlohmann::json json = {{"share", share}, {"of", of}, {"seed", seed}, {"facts", nlohmann::json::object()}};
  for (const Fact& fact : facts) json["facts"][fact.what] = fact.value;
  return json;
}

std::optional<ValidationDraw> ValidationDraw::on_card(const ModelCard& card, const std::string& where) {
  const nlohmann::json training = training_of(card);
  if (!training.is_object() || !training.contains("validation")) return std::nullopt;
  ValidationDraw draw;
  try {
    const nlohmann::json& json = training["validation"];
    draw.share = json.at("share"), draw.of = json.at("of"), draw.seed = json.at("seed");
    for (const auto& [what, value] : json.at("facts").items()) draw.facts.push_back({what, value});
  } catch (const nlohmann::json::exception&) {
    throw input_error("{}: its card does not say how the validation images were drawn: damaged?", where);
  }
  if (!(draw.share > 0 && draw.share < 1) || draw.of < 0)
    throw input_error("{}: its card says that {} of {} images were drawn for validation: damaged?", where, draw.share,
                      draw.of);
  return draw;
}

}  // namespace spikemix
