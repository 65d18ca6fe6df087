#pragma once

#include <optional>
#include <string>

#include "spikemix/config/config.h"

namespace spikemix {

/// Why a setting changes nothing.
struct NoEffect {
  std::string under;      ///< the settings that leave it none: "neuron.kind = lif"
  bool of_mixer = false;  ///< an option of mixers that are not there: runs of several mixers may have it in common
};

/// Nothing for a setting that has an effect, or that is off: false, 0, empty.
/// @param key  "neuron.levels"; Config::keys() has it
/// @throws InputError as make_plan()
std::optional<NoEffect> no_effect(const Config& config, const std::string& key);

}  // namespace spikemix
