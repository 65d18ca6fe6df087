// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "spikemix/config/config.h"

namespace spikemix {

/// Every key with its value, by section.
nlohmann::json to_json(const Config& config);
/// @throws InputError; `where` names the file in errors. Missing keys keep their defaults, so older files load.
Config config_from_json(const nlohmann::json& json, const std::string& where);

}  // namespace spikemix
