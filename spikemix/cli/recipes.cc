// SPDX-License-Identifier: MIT
#include "spikemix/cli/recipes.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/talk.h"
#include "spikemix/config/config_json.h"
#include "spikemix/model/no_effect.h"

namespace spikemix {

bool is_recipe(const std::string& name) {
  return name.ends_with(".toml") || std::ranges::count(embedded_recipes(), name, &EmbeddedRecipe::name) > 0;
}

Config load_recipe(const std::string& file_or_name, const std::vector<std::string>& overrides) {
  Config config;
  std::vector<std::string> names;
  const EmbeddedRecipe* embedded = nullptr;
  for (const EmbeddedRecipe& recipe : embedded_recipes()) {
    names.push_back(recipe.name);
    if (recipe.name == file_or_name) embedded = &recipe;
  }
  if (embedded) {
    config = parse_recipe(embedded->toml, "recipe " + embedded->name);
  } else if (file_or_name.ends_with(".toml") || std::filesystem::exists(file_or_name)) {
    config = read_recipe(file_or_name);
  } else if (file_or_name.find('/') != std::string::npos) {
    throw input_error("{}: there is no such file or folder", file_or_name);
  } else {
    throw input_error("no recipe {}; a file's name ends in .toml", unknown_name(file_or_name, names));
  }
  for (const std::string& key_value : overrides) apply_override(config, key_value);
  return config;
}

void check_effects(const Config& config, const std::vector<std::string>& settings) {
  check_effects({SettledRun{config, settings}});
}

void check_effects(const std::vector<SettledRun>& runs) {
  std::map<std::string, std::optional<NoEffect>> effects;  // for each setting: nothing if it has one
  for (const SettledRun& run : runs) {
    for (const std::string& setting : run.settings) {
      const auto [known, is_new] = effects.try_emplace(setting);
      if (!is_new && !known->second) continue;
      known->second = no_effect(run.config, setting.substr(0, setting.find('=')));
    }
  }
  for (const auto& [setting, none] : effects) {
    if (!none) continue;
    const std::string text = fmt::format("{}: changes nothing with {}", setting, none->under);
    if (!none->of_mixer) throw input_error("{}; leave it out, or change the other", text);
    say("{}", text);
  }
}

// spikemix recipes [NAME] [--keys] [--json]
void add_recipes(CLI::App& app) {
  struct Options {
    std::string name;
    bool keys = false, json = false;
  };
  auto* command = app.add_subcommand("recipes", "list the recipes, show one, or explain every key");
  command->footer(R"(Examples:
  spikemix recipes                                        what there is
  spikemix recipes cifar10-small > mine.toml              a recipe of your own to start from
  spikemix recipes --keys                                 every key, with default and meaning)");
  auto options = std::make_shared<Options>();
  command->add_option("NAME", options->name, "show this recipe's text");
  command->add_flag("--keys", options->keys, "every key that a recipe or key=value can set, with default and meaning");
  command->add_flag("--json", options->json, "print JSON, with every effective value");
  command->callback([options] {
    if (options->keys) {
      answer_text(Config::describe_keys());
    } else if (!options->name.empty() && options->json) {
      answer_json(to_json(load_recipe(options->name, {})));
    } else if (options->json) {
      nlohmann::json list = nlohmann::json::array();
      for (const auto& recipe : embedded_recipes()) list.push_back(to_json(load_recipe(recipe.name, {})));
      answer_json(list);
    } else if (!options->name.empty()) {
      load_recipe(options->name, {});  // an unknown name is an error
      for (const auto& recipe : embedded_recipes()) {
        if (recipe.name == options->name) answer_text(recipe.toml);
      }
    } else {
      for (const auto& recipe : embedded_recipes()) {
        // A recipe's first line states its purpose.
        const std::string first = recipe.toml.substr(0, recipe.toml.find('\n'));
        answer("  {:<18} {}\n", recipe.name, first.starts_with("# ") ? first.substr(2) : first);
      }
    }
  });
}

}  // namespace spikemix
