#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/base/statistics.h"

namespace spikemix {

/// A finished run, as its summary.json and config.json tell; or why there is nothing to compare.
struct ComparedRun {
  std::string folder, skipped = {};
  nlohmann::json summary = {};
  std::string mixer = {}, seed = {};
  int64_t parameters = 0, best_epoch = 0;
  bool best_on_test = true;  // its best epoch is the best on the test images: data.validation was 0
  double best = 0, last = 0, train_rate = 0, test_rate = 0, peak_memory = 0;  // test top-1 in %, images/s, bytes
  std::map<std::string, std::string> settings = {};                           // what decides its result, but the seed
};

/// @throws InputError if there is no such folder
ComparedRun read_compared_run(const std::string& folder);

/// A table of runs, as wide as its names, 80 columns at most.
void print_runs(const std::vector<ComparedRun>& runs);

/// Runs of the same settings, but for the seed.
struct RunGroup {
  std::string name;                      // the settings in which it differs from other groups: "model.mixer=ssa"
  std::vector<const ComparedRun*> runs;  // by seed
};

/// A group against the baseline, over the seeds that both have.
struct GroupComparison {
  std::string name;
  PairedComparison best, last;
};

struct Comparison {
  std::vector<RunGroup> groups;
  size_t baseline = 0;
  std::vector<GroupComparison> comparisons;  // of every group but the baseline
  std::vector<std::string> left_out;         // runs of a seed that a group has twice, and why

  bool has_seeds() const;  // any group has several
  /// What may be concluded, in a sentence.
  std::string conclusion() const;
  nlohmann::json to_json() const;
};

/// @param runs      finished ones; they outlive the result
/// @param baseline  a setting, or several with blanks between them, that one group alone has; empty: the first run's
/// group
/// @throws InputError naming the groups if none or several are meant
Comparison compare_groups(const std::vector<ComparedRun>& runs, const std::string& baseline);

void print_comparison(const Comparison& comparison);

/// A line for each run: folder, group, seed, test top-1, epoch, speed.
std::string csv_of(const Comparison& comparison);

}  // namespace spikemix
