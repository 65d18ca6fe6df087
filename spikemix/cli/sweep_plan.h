// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "spikemix/cli/comparison.h"
#include "spikemix/config/data_config.h"

namespace spikemix {

/// One training of a sweep: a point of its grid with a seed.
struct SweepRun {
  std::string name;                   // its folder's name: "mixer=ssa,T=4-seed0"
  std::vector<std::string> settings;  // key=value, over the recipe's
  int64_t seed = 0;
  bool sets_threads = false;  // recipe or settings do it, so the sweep does not
  std::string config;         // hash of every resolved key, except the data's path
  DataConfig data;
};

/// What a SWEEP.toml asks for.
struct SweepPlan {
  std::string name, recipe, data;
  Baseline baseline;
  int64_t jobs = 1;
  std::vector<SweepRun> runs;  // seed by seed, each over the whole grid: stopped early, groups have as many seeds
};

/// Reads and checks a sweep's file: recipe, data (or `data`, instead of it), overrides, seeds (a number or a list),
/// jobs, baseline, and under [grid] a list of values for each key. Every run's settings are checked as training checks
/// them.
/// @throws InputError naming the file, the line and the key, before anything runs
SweepPlan read_sweep(const std::filesystem::path& file, const std::string& data = "");

/// The plan as the sweep's folder stores it, for comparison at the next start. It contains hashes of the data's
/// contents, wherever the data are. @throws InputError if a run names no data, or data that cannot be opened
nlohmann::json to_json(const SweepPlan& plan);
/// Runs of an earlier start in `folder` that this plan no longer has.
/// @param now  this plan's record
/// @throws InputError if a run of the same name has begun with other settings or data, so that its folder would be
/// mistaken for this one's
std::vector<std::string> runs_no_longer_asked_for(const nlohmann::json& now, const nlohmann::json& earlier,
                                                  const std::filesystem::path& folder, const std::string& where);

/// Does the run have a record from which `resume` continues?
bool has_begun(const std::filesystem::path& folder, const std::string& run);

}  // namespace spikemix
