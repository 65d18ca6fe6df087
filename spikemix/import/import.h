// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/import/family.h"
#include "spikemix/import/weights_file.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// The network inside a checkpoint: its family, and its tensors under our names.
struct FoundNetwork {
  const Family* family;
  std::string prefix;  // of its tensors' names in the file: "model."
  TensorMap tensors;
  std::vector<std::string> unused;     // tensors that its code creates and never reads
  std::vector<std::string> elsewhere;  // tensors of the file's other modules and averages
  int64_t counters = 0;                // from profilers and averages
};

/// @throws InputError in one line: no network that we know, several, or one that is known and not imported
FoundNetwork find_network(const WeightsFile& file);

/// The source of settings that the tensors do not determine.
struct ImportSettings {
  std::string recipe;                  ///< empty: the one for the data that the family was published with
  bool read_shape = true;              ///< false: the recipe gives the shape
  std::vector<std::string> overrides;  ///< key=value, which override everything else
  /// A recipe, by file or name, with settings that override it.
  std::function<Config(const std::string& recipe, const std::vector<std::string>& settings)> load_recipe;
};

/// A config, and an account of its origin.
struct ImportedConfig {
  Config config;
  std::vector<std::string> read, published, notes;  // settings "model.T=4" that hold; notes are sentences
  std::string data_recipe;  // a recipe used for the data settings without being asked for; empty: none
};

/// @throws InputError in one line if the network is not what the settings describe
ImportedConfig config_of(const FoundNetwork& network, const WeightsFile& file, const ImportSettings& settings);

/// Lists every mismatch between the tensors and the network that the config describes, in one error.
void check_tensors(const std::vector<TensorSpec>& expected, const FoundNetwork& network, const WeightsFile& file,
                   const ImportSettings& settings);

/// Writes model.safetensors: all floats become fp32.
/// @param metadata  as for write_safetensors()
void write_imported(const std::string& out, const std::vector<TensorSpec>& expected, const FoundNetwork& network,
                    const WeightsFile& file, const std::map<std::string, std::string>& metadata);

}  // namespace spikemix
