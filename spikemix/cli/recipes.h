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

}  // namespace spikemix
