// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spikemix/config/augment_config.h"
#include "spikemix/config/data_config.h"
#include "spikemix/config/model_config.h"
#include "spikemix/config/train_config.h"

namespace spikemix {

/// Every setting of a run, with one header for each section. A field's name, default and help are one line of its
/// section's visitor. From it come TOML reading, key=value overrides, JSON writing, `spikemix recipes --keys` and the
/// errors that name the nearest key.
struct Config {
  std::string name = "unnamed";
  ModelConfig model;
  NeuronConfig neuron;
  DataConfig data;
  AugmentConfig augment;
  TrainConfig train;

  template <class Visitor>
  void visit_sections(Visitor&& v) {
    v("model", model);
    v("neuron", neuron);
    v("data", data);
    v("augment", augment);
    v("train", train);
  }

  /// "model.T", "train.lr", ...: every key, in order.
  static std::vector<std::string> keys();
  /// One line for each key: name, default, help.
  static std::string describe_keys();
};

/// A recipe file. @throws InputError naming the file, line and key; an unknown key names the nearest right one.
Config read_recipe(const std::filesystem::path& file);
/// A recipe's text, as embedded in the program. `where` names it in errors.
Config parse_recipe(const std::string& toml, const std::string& where);

/// Applies "train.lr=1e-3", as on the command line; lists are "a,b" or TOML's ["a", "b"]. @throws InputError
void apply_override(Config& config, const std::string& key_value);

/// Checks the values against each other (tau > 1, ...). make_plan() checks what depends on the network.
/// @throws InputError naming the key
void validate(const Config& config);

}  // namespace spikemix
