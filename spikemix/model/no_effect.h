// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "spikemix/config/config.h"

namespace spikemix {

/// Why a setting changes nothing.
struct NoEffect {
  std::string under;      ///< the settings that make it ineffective: "neuron.kind = lif"
  bool of_mixer = false;  ///< an option of mixers that this run lacks: runs of several mixers may share the setting
};

/// Returns nothing for a setting that has an effect, or that is off (false, 0, empty).
/// @param key  "neuron.levels"; one of Config::keys()
/// @throws InputError as make_plan() does
std::optional<NoEffect> no_effect(const Config& config, const std::string& key);

}  // namespace spikemix
