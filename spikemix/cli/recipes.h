#pragma once

#include <string>
#include <vector>

#include "spikemix/config/config.h"

namespace spikemix {

/// recipes/NAME.toml, as it was when the program was built (written by cmake/embed.cmake).
struct EmbeddedRecipe {
  std::string name, toml;
};
const std::vector<EmbeddedRecipe>& embedded_recipes();

/// A name of embedded_recipes(), or that of a .toml file?
bool is_recipe(const std::string& name);

/// A recipe by file or by embedded name, with overrides ("key=value") applied in order.
/// @throws InputError naming the file, line and key, or the nearest recipe
Config load_recipe(const std::string& file_or_name, const std::vector<std::string>& overrides);

/// Settings that somebody has named and that change nothing under the others. Options of mixers that are not there are
/// said, since runs of several mixers may have them in common.
/// @param config  that settings[i] ("key=value") belong to
/// @throws InputError naming any other one, and the setting that leaves it no effect
void check_effects(const Config& config, const std::vector<std::string>& settings);

/// The same of several runs, each a config with its settings: one that has an effect in any of them is right.
struct SettledRun {
  Config config;
  std::vector<std::string> settings;
};
void check_effects(const std::vector<SettledRun>& runs);

}  // namespace spikemix
