// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/base/statistics.h"

namespace spikemix {

/// Which test images some weights of a run answer correctly, read from the file next to them (data/answers.h).
struct RightAnswers {
  std::string images;          // a hash: the same for the same test images
  std::vector<uint8_t> right;  // for each image; empty: `missing` says why
  std::string missing;
};

/// A finished run, from its summary.json and config.json, or why it cannot be compared.
struct ComparedRun {
  std::string folder, skipped = {};
  nlohmann::json summary = {};
  std::string mixer = {}, seed = {};
  int64_t parameters = 0, best_epoch = 0;
  bool best_on_test = true;  // the best epoch was chosen on the test images: data.validation was 0
  double best = 0, last = 0, train_rate = 0, test_rate = 0, peak_memory = 0;  // test top-1 in %, images/s, bytes
  RightAnswers best_right = {}, last_right = {};
  std::map<std::string, std::string> settings = {};  // everything that decides its result, except the seed
  std::string training_data = {};                    // a hash of what it learned from; "": an earlier version's run
  std::string training_choice = {};                  // runs with the same one learn from the same images of a data set
};

/// @throws InputError if there is no such folder
ComparedRun read_compared_run(const std::string& folder);

/// A table of runs, as wide as its names require; on a terminal no wider than the terminal.
void print_runs(const std::vector<ComparedRun>& runs);

/// Runs whose settings differ only in the seed.
struct RunGroup {
  std::string name;                      // the settings in which it differs from other groups: "model.mixer=ssa"
  std::vector<const ComparedRun*> runs;  // sorted by seed
};

/// The accuracy of two groups over their common seeds: on these test images, and, if all their runs keep answers to the
/// same images, with the images as a sample, too.
struct Difference {
  PairedComparison over_seeds;
  std::optional<CrossedComparison> over_images;
};

/// A group against its baseline.
struct GroupComparison {
  size_t group = 0, baseline = 0;  // indices into Comparison::groups
  Difference best, last;
  std::string no_images = {};  // why best has no over_images
};

/// The baseline of a comparison.
struct Baseline {
  /// A setting, or several separated by blanks; empty: the first run's group. If a single group has them, all others
  /// are compared with it. If several do, each other group is compared with the one that shares its other settings.
  std::string settings = {};
  bool each = false;            // several groups have them, though perhaps only one is finished
  bool may_be_missing = false;  // if no group has them, nothing is compared
};

struct Comparison {
  std::vector<RunGroup> groups;
  std::string baseline;                       // its settings, or the name of the only group that has them
  std::vector<size_t> baselines;              // groups that others are compared with
  std::vector<GroupComparison> comparisons;   // grouped by baseline
  std::vector<std::string> without_baseline;  // groups whose other settings no baseline shares
  std::vector<std::string> left_out;          // runs whose seed a group already has, with the reason
  std::string other_training_data;            // a sentence on runs that learned from other images; "": none

  bool has_seeds() const;   // does any group have several seeds?
  bool has_images() const;  // does any comparison have over_images?
  const std::string& name(const GroupComparison& c) const { return groups[c.group].name; }
  const std::string& against(const GroupComparison& c) const { return groups[c.baseline].name; }
  /// The conclusion, in a sentence or two.
  std::string conclusion() const;
  std::string conclusion_over_seeds() const;
  /// A sentence on the comparisons without an interval over test images, and why; "" if all have one.
  std::string images_missing() const;
  nlohmann::json to_json() const;
};

/// @param runs  finished ones, which must outlive the result
/// @throws InputError naming the groups if none has the baseline's settings
Comparison compare_groups(const std::vector<ComparedRun>& runs, const Baseline& baseline);

/// Tables of groups and of comparisons, and the conclusion.
void print_comparison(const Comparison& comparison);
/// For runs of one seed each: the images on which they differ. Nothing if they keep no answers.
void print_images(const Comparison& comparison);

/// One line for each run: folder, group, seed, test top-1, epoch, speed.
std::string csv_of(const Comparison& comparison);

}  // namespace spikemix
