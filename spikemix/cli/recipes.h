// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/config.h"

namespace spikemix {

/// recipes/NAME.toml at build time (written by cmake/embed.cmake).
struct EmbeddedRecipe {
  std::string name, toml;
};
const std::vector<EmbeddedRecipe>& embedded_recipes();

/// Is it a name in embedded_recipes(), or the name of a .toml file?
bool is_recipe(const std::string& name);

/// A recipe by file or by embedded name, with overrides ("key=value") applied in order.
/// @throws InputError naming the file, line and key, or the nearest recipe
Config load_recipe(const std::string& file_or_name, const std::vector<std::string>& overrides);

/// Checks settings that the user has named for ones that change nothing under the others. Options of mixers that are
/// not in use are only reported, because runs of several mixers may share them.
/// @param config  the config with settings[i] ("key=value") applied
/// @throws InputError naming any other such setting, and the one that leaves it without effect
void check_effects(const Config& config, const std::vector<std::string>& settings);

/// The same for several runs, each a config with its settings: a setting that has an effect in any of them is accepted.
struct SettledRun {
  Config config;
  std::vector<std::string> settings;
};
void check_effects(const std::vector<SettledRun>& runs);

}  // namespace spikemix
