#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/import/family.h"
#include "spikemix/import/weights_file.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {

/// The network inside somebody's checkpoint: whose it is, and its tensors under our names.
struct FoundNetwork {
  const Family* family;
  std::string prefix;  // stands before the names of its tensors in the file: "model."
  TensorMap tensors;
  std::vector<std::string> unused;     // tensors that its code makes and never reads
  std::vector<std::string> elsewhere;  // of the file's other modules and averages
  int64_t counters = 0;                // of profilers and averages
};

/// @throws InputError in one line: no network that we know, several, or one that is known and not imported
FoundNetwork find_network(const WeightsFile& file);

/// Where the settings come from that the tensors do not say.
struct ImportSettings {
  std::string recipe;                  ///< empty: the one whose data the family published with
  bool read_shape = true;              ///< false: the recipe says the shape
  std::vector<std::string> overrides;  ///< key=value, the last word
  /// A recipe by file or name, with settings over it.
  std::function<Config(const std::string& recipe, const std::vector<std::string>& settings)> load_recipe;
};

/// A config, and what to tell about how it came about.
struct ImportedConfig {
  Config config;
  std::vector<std::string> read, published, notes;  // settings "model.T=4" that hold; notes are sentences
  std::string data_recipe;  // that nobody asked for and the data settings come from; empty: none
};

/// @throws InputError in one line if the network is not what the settings describe
ImportedConfig config_of(const FoundNetwork& network, const WeightsFile& file, const ImportSettings& settings);

/// Everything that is wrong between the tensors and the network that the config describes, in one error.
void check_tensors(const std::vector<TensorSpec>& expected, const FoundNetwork& network, const WeightsFile& file,
                   const ImportSettings& settings);

/// Writes model.safetensors: floats as fp32, whatever they were.
/// @param metadata  as write_safetensors()
void write_imported(const std::string& out, const std::vector<TensorSpec>& expected, const FoundNetwork& network,
                    const WeightsFile& file, const std::map<std::string, std::string>& metadata);

}  // namespace spikemix
