// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include "spikemix/formats/model_card.h"

namespace spikemix {

/// ModelCard::training; null where it is empty.
nlohmann::json training_of(const ModelCard& card);

}  // namespace spikemix
