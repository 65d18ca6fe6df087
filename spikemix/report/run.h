// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/config/config.h"

namespace spikemix::reports {

/// The metrics of one epoch in metrics.jsonl; NaN if not measured. Loss and accuracy are those of Run::tested_on.
struct Epoch {
  double epoch = 0, train_loss = 0, loss = 0, top1 = 0, learning_rate = 0, images_per_second = 0;
};

/// A run folder as its files describe it, finished or not.
struct Run {
  std::string name, folder;
  Config config;
  nlohmann::json record;  ///< config.json: config, effective, environment
  std::vector<Epoch> epochs;
  std::string tested_on = "test";         ///< the images tested after each epoch: "test" or "validation"
  std::optional<nlohmann::json> summary;  ///< summary.json of a run that is done
  std::vector<std::string> missing;       ///< lines missing from metrics.jsonl

  std::string mixer() const;
};

bool is_run(const std::filesystem::path& folder);

/// @throws InputError naming the file that is missing or wrong
Run read_run(const std::filesystem::path& folder);

/// The run folders that a path stands for: itself, or those in it, in the order of the sweep that made them, otherwise
/// by name.
struct FoundRuns {
  std::vector<std::filesystem::path> folders;
  std::vector<std::string> missing;  ///< runs of the sweep that never began
};
/// @throws InputError if the folder's sweep.json is damaged
FoundRuns find_runs(const std::filesystem::path& path);

}  // namespace spikemix::reports
