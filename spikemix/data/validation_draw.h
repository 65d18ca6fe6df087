// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "spikemix/data/facts.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// How training images were divided into those for learning and those for validation (divide()).
struct ValidationDraw {
  double share = 0;  // 0: none for validation
  int64_t of = 0;    // out of this many training images (data.train_images; 0: all)
  uint64_t seed = 0;
  Facts facts = {};  // identify the images; on a card, those of the validation split

  /// The entry training.validation of a card.
  nlohmann::json to_json() const;
  /// Nothing for the card of a model without validation images, or of an earlier version.
  /// @throws InputError naming `where` if it is damaged
  static std::optional<ValidationDraw> on_card(const ModelCard& card, const std::string& where);
};

}  // namespace spikemix
