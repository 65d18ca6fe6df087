#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace spikemix {

/// One training of a sweep: a point of its grid with a seed.
struct SweepRun {
  std::string name;                   // its folder's: "mixer=ssa,T=4-seed0"
  std::vector<std::string> settings;  // key=value over the recipe's
  int64_t seed = 0;
  bool sets_threads = false;  // recipe or settings do, so that the sweep does not
  std::string config;         // hash of every key, resolved
};

/// What a SWEEP.toml asks for.
struct SweepPlan {
  std::string name, recipe, data, baseline;
  int64_t jobs = 1;
  std::vector<SweepRun> runs;  // seed by seed, and each over the whole grid: stopped early, groups have as many seeds
};

/// Reads and checks a sweep's file: recipe, data, overrides, seeds (a number or a list), jobs, baseline, and under
/// [grid] a list of values for each key. Every run's settings are checked as training checks them.
/// @throws InputError naming the file, the line and the key, before anything runs
SweepPlan read_sweep(const std::filesystem::path& file);

/// The plan as the sweep's folder keeps it, and that the next start is held against.
nlohmann::json to_json(const SweepPlan& plan);
/// Runs that an earlier start knew and this plan does not have any more.
/// @throws InputError if a run of the same name had other settings, so that its folder would be taken for this one's
std::vector<std::string> runs_no_longer_asked_for(const SweepPlan& plan, const nlohmann::json& earlier,
                                                  const std::string& where);

}  // namespace spikemix
