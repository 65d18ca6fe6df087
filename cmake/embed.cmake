# SPDX-License-Identifier: MIT
# Runs at build time (cmake -P): writes recipes.cc, which holds the text of every recipes/*.toml, by name.
cmake_minimum_required(VERSION 3.25)
file(GLOB recipes ${SOURCE_DIR}/recipes/*.toml)
set(entries "")
foreach(recipe ${recipes})
  get_filename_component(name ${recipe} NAME_WE)
  file(READ ${recipe} text)
  string(APPEND entries "    {\"${name}\", R\"toml(${text})toml\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Written by cmake/embed.cmake from recipes/*.toml.
#include \"spikemix/cli/recipes.h\"

namespace spikemix {

const std::vector<EmbeddedRecipe>& embedded_recipes() {
  static const std::vector<EmbeddedRecipe> recipes = {
@entries@  };
  return recipes;
}

}  // namespace spikemix
" @ONLY)
