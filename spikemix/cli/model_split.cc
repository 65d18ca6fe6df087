// SPDX-License-Identifier: MIT
#include "spikemix/cli/model_split.h"

#include <cstdint>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/cli/progress.h"
#include "spikemix/config/config_json.h"
#include "spikemix/data/facts.h"
#include "spikemix/data/fitted.h"
#include "spikemix/data/subset.h"
#include "spikemix/data/validation_draw.h"

namespace spikemix {
namespace {

// What a run folder says about it; data.validation = 0 if it had no validation images.
ValidationDraw draw_of_run(const std::filesystem::path& record) {
  const nlohmann::json json = parse_json(read_file(record), record.string() + ":");
  if (!json.is_object() || !json.contains("config")) throw input_error("{}: not a run's record", record.string());
  const Config config = config_from_json(json["config"], record.string());
  ValidationDraw draw{.share = config.data.validation,
                      .of = config.data.train_images,
                      .seed = uint64_t(config.train.seed),
                      .facts = {}};
  const auto facts = json.find("data_facts");
  if (facts == json.end() || !facts->is_object()) return draw;  // earlier versions did not record it
  for (const auto& [what, value] : facts->items())
    if (value.is_string()) draw.facts.push_back({what, value});
  return draw;
}

// Without a validation split, all training images were learned from; without a record it is unknown which.
ValidationDraw draw_of(const std::string& split, const std::string& model, const ModelCard& card) {
  const std::filesystem::path record = std::filesystem::path(model) / "config.json";
  const bool is_run = std::filesystem::is_directory(model) && std::filesystem::exists(record);
  if (!is_run) {
    const auto draw = ValidationDraw::on_card(card, model);
    if (draw || split == "train") return draw.value_or(ValidationDraw{});
    throw input_error(
        "--split validation: {} does not say which training images were kept back for validation; name "
        "its run folder, or take --split test",
        model);
  }
  const ValidationDraw draw = draw_of_run(record);
  if (split == "validation" && draw.share == 0)
    throw input_error("--split validation: {} was trained without validation images (data.validation = 0)", model);
  return draw;
}

// @param name  as in the facts
void check_same(const Facts& recorded, const Dataset& data, const std::string& name, const std::string& model,
                const std::string& dir) {
  for (const Fact& now : facts_of_contents(data, name)) {
    for (const Fact& before : recorded) {
      if (before.what == now.what && before.value != now.value)
        throw input_error("{}: not the images that {} was trained with: {} {}, there {}", dir, model, now.what,
                          now.value, before.value);
    }
  }
}

}  // namespace

std::shared_ptr<const Dataset> open_split(const SplitChoice& choice, const std::string& model, const ModelCard& card,
                                          const DataConfig& source) {
  FitOptions fit{.shape = {card.model.height, card.model.width, card.model.channels},
                 .images = choice.images,
                 .images_key = "--images",
                 .make_cache = false};  // one pass does not pay for it
  if (choice.split == "test") return open_fitted(source, Split::kTest, fit, opening_printer());
  const ValidationDraw draw = draw_of(choice.split, model, card);
  fit.images = draw.of, fit.images_key = "data.train_images";
  std::shared_ptr<const Dataset> data = open_fitted(source, Split::kTrain, fit, opening_printer());
  if (draw.share > 0) {
    const Divided divided = divide(data, draw.share, draw.seed);
    check_same(draw.facts, *divided.validation, "validation", model, source.dir);
    data = choice.split == "train" ? divided.learned : divided.validation;
  }
  if (choice.split == "train") check_same(draw.facts, *data, "training", model, source.dir);
  return subset(data, choice.images, "--images");
}

}  // namespace spikemix
