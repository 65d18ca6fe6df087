// SPDX-License-Identifier: MIT
#include "spikemix/cli/comparison.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/baseline.h"

namespace spikemix {
namespace {

using Settings = std::map<std::string, std::string>;

std::string value_of(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

// Keys whose values differ. A key that older runs lack counts as empty.
std::vector<std::string> different_keys(const std::vector<RunGroup>& groups) {
  std::set<std::string> all;
  for (const RunGroup& group : groups) {
    for (const auto& [key, value] : group.runs.front()->settings) all.insert(key);
  }
  std::vector<std::string> different;
  for (const std::string& key : all) {
    const std::string first = value_of(groups.front().runs.front()->settings, key);
    if (std::ranges::any_of(groups,
                            [&](const RunGroup& g) { return value_of(g.runs.front()->settings, key) != first; }))
      different.push_back(key);
  }
  return different;
}

void name(std::vector<RunGroup>& groups) {
  const std::vector<std::string> keys = different_keys(groups);
  for (RunGroup& group : groups) {
    std::vector<std::string> parts;
    for (const std::string& key : keys)
      parts.push_back(fmt::format("{}={}", key, value_of(group.runs.front()->settings, key)));
    group.name = parts.empty() ? "model.mixer=" + group.runs.front()->mixer : fmt::format("{}", fmt::join(parts, " "));
  }
}

// Groups in the order of their first runs, each sorted by seed. A second run with the same seed is left out: it is not
// another draw.
std::vector<RunGroup> grouped(const std::vector<ComparedRun>& runs, std::vector<std::string>& left_out) {
  std::vector<RunGroup> groups;
  for (const ComparedRun& run : runs) {
    auto group =
        std::ranges::find_if(groups, [&](const RunGroup& g) { return g.runs.front()->settings == run.settings; });
    if (group == groups.end()) group = groups.insert(groups.end(), RunGroup{});
    const auto twin = std::ranges::find(group->runs, run.seed, &ComparedRun::seed);
    if (twin == group->runs.end())
      group->runs.push_back(&run);
    else
      left_out.push_back(fmt::format("{}: the same settings and seed as {}", run.folder, (*twin)->folder));
  }
  for (RunGroup& group : groups) {
    std::ranges::stable_sort(group.runs, {},
                             [](const ComparedRun* run) { return std::pair(run->seed.size(), run->seed); });
  }
  name(groups);
  return groups;
}

std::vector<size_t> groups_with(const std::vector<RunGroup>& groups, const std::vector<Setting>& wanted) {
  std::vector<size_t> found;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (has_settings(groups[g].runs.front()->settings, wanted)) found.push_back(g);
  }
  return found;
}

// Does another value of this key resize the pictures or choose others? Then test_data differs as well.
bool changes_test_data(const Setting& setting) {
  constexpr std::array<std::string_view, 3> kSizes = {"model.height", "model.width", "model.channels"};
  return setting.key.starts_with("data.") || std::ranges::count(kSizes, setting.key) > 0;
}

bool differ_only_in(const std::vector<Setting>& keys, const Settings& a, const Settings& b) {
  const bool other_test_data = std::ranges::any_of(keys, changes_test_data);
  const auto alike = [&](const std::string& key) {
    return std::ranges::count(keys, key, &Setting::key) > 0 || (other_test_data && key == "test_data") ||
           value_of(a, key) == value_of(b, key);
  };
  return std::ranges::all_of(a, alike, &Settings::value_type::first) &&
         std::ranges::all_of(b, alike, &Settings::value_type::first);
}

// The group that each is compared with: itself if it is a baseline, none if it has no counterpart.
std::vector<std::optional<size_t>> baselines_of(const std::vector<RunGroup>& groups, const Baseline& baseline,
                                                std::vector<size_t>& baselines) {
  std::vector<std::optional<size_t>> result(groups.size());
  const std::vector<Setting> wanted = settings_in(baseline.settings);
  baselines = wanted.empty() ? std::vector<size_t>{0} : groups_with(groups, wanted);
  if (baselines.size() == 1 && !baseline.each) {
    std::ranges::fill(result, baselines.front());
    return result;
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto counterpart = std::ranges::find_if(baselines, [&](size_t b) {
      return differ_only_in(wanted, groups[g].runs.front()->settings, groups[b].runs.front()->settings);
    });
    if (counterpart != baselines.end()) result[g] = *counterpart;
  }
  return result;
}

// Pairs runs with the same seed.
struct Pair {
  const ComparedRun *own, *other;
};

std::vector<Pair> pairs_of(const RunGroup& group, const RunGroup& baseline) {
  std::vector<Pair> pairs;
  for (const ComparedRun* run : group.runs) {
    const auto twin = std::ranges::find(baseline.runs, run->seed, &ComparedRun::seed);
    if (twin != baseline.runs.end()) pairs.push_back({run, *twin});
  }
  return pairs;
}

// Why these pairs have no answers to the same images; "" if they have.
std::string why_no_images(const std::vector<Pair>& pairs, RightAnswers ComparedRun::*member) {
  if (pairs.empty()) return "no seed in common";
  for (const Pair& pair : pairs) {
    for (const ComparedRun* run : {pair.own, pair.other}) {
      if (!(run->*member).missing.empty()) return fmt::format("{}: {}", run->folder, (run->*member).missing);
      if ((run->*member).right.size() < 2) return fmt::format("{}: one test image is not a sample", run->folder);
      if ((run->*member).images != (pairs.front().own->*member).images)
        return fmt::format("{}: other test images than {}, or pictures of another size", run->folder,
                           pairs.front().own->folder);
    }
  }
  return "";
}

CrossedComparison crossed(const std::vector<Pair>& pairs, RightAnswers ComparedRun::*member) {
  std::vector<std::vector<int8_t>> differences;
  for (const Pair& pair : pairs) {
    const std::vector<uint8_t>&a = (pair.own->*member).right, &b = (pair.other->*member).right;
    std::vector<int8_t>& row = differences.emplace_back(a.size());
    for (size_t i = 0; i < a.size(); ++i) row[i] = int8_t(a[i] - b[i]);
  }
  return compare_crossed(differences);
}

Difference difference(const std::vector<Pair>& pairs, double ComparedRun::*top1, RightAnswers ComparedRun::*right) {
  std::vector<double> own, other;
  for (const Pair& pair : pairs) own.push_back(pair.own->*top1), other.push_back(pair.other->*top1);
  Difference result{.over_seeds = compare_pairs(own, other), .over_images = {}};
  if (why_no_images(pairs, right).empty()) result.over_images = crossed(pairs, right);
  return result;
}

GroupComparison compare(const std::vector<RunGroup>& groups, size_t group, size_t baseline) {
  const std::vector<Pair> pairs = pairs_of(groups[group], groups[baseline]);
  return {.group = group,
          .baseline = baseline,
          .best = difference(pairs, &ComparedRun::best, &ComparedRun::best_right),
          .last = difference(pairs, &ComparedRun::last, &ComparedRun::last_right),
          .no_images = why_no_images(pairs, &ComparedRun::best_right)};
}

// Over all comparisons, whatever their baselines.
void correct(std::vector<GroupComparison>& comparisons, Difference GroupComparison::*member) {
  std::vector<TestedDifference*> over_seeds, over_images;
  for (GroupComparison& c : comparisons) {
    over_seeds.push_back(&(c.*member).over_seeds);
    if ((c.*member).over_images) over_images.push_back(&*(c.*member).over_images);
  }
  correct_by_holm(over_seeds), correct_by_holm(over_images);
}

void compare_with_baselines(const Baseline& baseline, Comparison& comparison) {
  const std::vector<RunGroup>& groups = comparison.groups;
  const std::vector<std::optional<size_t>> of = baselines_of(groups, baseline, comparison.baselines);
  for (const size_t b : comparison.baselines) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (of[g] == b && g != b) comparison.comparisons.push_back(compare(groups, g, b));
    }
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    if (!of[g]) comparison.without_baseline.push_back(groups[g].name);
  }
}

// Runs that should have learned from the same images and did not: their differences may come from the data.
std::string other_training_data(const std::vector<ComparedRun>& runs) {
  std::vector<std::pair<const ComparedRun*, const ComparedRun*>> differ;
  std::map<std::string, const ComparedRun*> first;
  for (const ComparedRun& run : runs) {
    if (run.training_data.empty()) continue;
    const ComparedRun* before = first.try_emplace(run.training_choice, &run).first->second;
    if (before->training_data != run.training_data) differ.emplace_back(&run, before);
  }
  if (differ.empty()) return "";
  return fmt::format("{} learned from other training images than {}{}: their differences may come from the data.",
                     differ[0].first->folder, differ[0].second->folder,
                     differ.size() > 1 ? fmt::format(", as did {} more", differ.size() - 1) : "");
}

}  // namespace

Comparison compare_groups(const std::vector<ComparedRun>& runs, const Baseline& baseline) {
  Comparison comparison;
  comparison.groups = grouped(runs, comparison.left_out);
  comparison.other_training_data = other_training_data(runs);
  compare_with_baselines(baseline, comparison);
  if (comparison.baselines.empty() && !baseline.may_be_missing) {
    std::vector<std::string> names;
    for (const RunGroup& group : comparison.groups) names.push_back(group.name);
    throw input_error("baseline '{}': none of the groups; expected settings of one, as in '{}' (there are: {})",
                      baseline.settings, names.front(), fmt::join(names, "; "));
  }
  const bool is_one = comparison.baselines.size() == 1 && !baseline.each;
  comparison.baseline = is_one ? comparison.groups[comparison.baselines[0]].name : baseline.settings;
  std::erase_if(comparison.baselines, [&](size_t b) {
    return std::ranges::count(comparison.comparisons, b, &GroupComparison::baseline) == 0;
  });
  correct(comparison.comparisons, &GroupComparison::best);
  correct(comparison.comparisons, &GroupComparison::last);
  return comparison;
}

}  // namespace spikemix
