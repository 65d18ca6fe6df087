// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/cli/baseline.h"
#include "spikemix/cli/comparison.h"
#include "spikemix/cli/csv.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

std::vector<double> values(const std::vector<const ComparedRun*>& runs, double ComparedRun::*member) {
  std::vector<double> result;
  for (const ComparedRun* run : runs) result.push_back(run->*member);
  return result;
}

bool same_selection(const std::vector<RunGroup>& groups) {
  const bool first = groups.front().runs.front()->best_on_test;
  return std::ranges::all_of(groups, [&](const RunGroup& g) {
    return std::ranges::all_of(g.runs, [&](const ComparedRun* run) { return run->best_on_test == first; });
  });
}

// --- JSON ------------------------------------------------------------------------------------------------------------

void add_test(Json& json, const TestedDifference& c) {
  json["difference"] = c.difference;
  if (c.decided) json.update({{"confidence_95", {c.low, c.high}}, {"p", c.p}, {"p_holm", c.p_holm}});
}

Json json_of(const Difference& d) {
  Json json = {{"pairs", d.over_seeds.pairs}};
  add_test(json, d.over_seeds);
  if (d.over_seeds.decided)
    json.update({{"deviation", d.over_seeds.deviation}, {"smallest_difference_shown", d.over_seeds.smallest_shown}});
  if (!d.over_images) return json;
  const CrossedComparison& c = *d.over_images;
  Json& images = json["over_images"];
  add_test(images, c);
  images.update({{"images", c.images},
                 {"error_of_seeds", c.error_of_seeds},
                 {"error_of_images", c.error_of_images},
                 {"only_it_right", c.only_a},
                 {"only_baseline_right", c.only_b},
                 {"disagreement", c.disagreement()}});
  return json;
}

Json json_of(const std::vector<double>& of_runs) {
  return {{"mean", mean(of_runs)}, {"deviation", standard_deviation(of_runs)}, {"values", of_runs}};
}

// --- sentences -------------------------------------------------------------------------------------------------------

// "A +1.20 points from B (0.50 to 1.90)"; without B if all have the same baseline.
std::string told(const Comparison& all, const GroupComparison& c, const TestedDifference& d) {
  const std::string from = all.baselines.size() > 1 ? " from " + all.against(c) : "";
  return fmt::format("{} {:+.2f} points{} ({:.2f} to {:.2f})", all.name(c), d.difference, from, d.low, d.high);
}

// Differences that are significant over seeds; then those significant over seeds and test images.
std::vector<std::string> shown_over_seeds(const Comparison& all) {
  std::vector<std::string> shown;
  for (const GroupComparison& c : all.comparisons) {
    const PairedComparison& d = c.best.over_seeds;
    if (d.decided && d.p_holm < 0.05) shown.push_back(told(all, c, d));
  }
  return shown;
}

std::vector<std::string> shown_over_images(const Comparison& all) {
  std::vector<std::string> shown;
  for (const GroupComparison& c : all.comparisons) {
    if (c.best.over_images && c.best.over_seeds.decided && c.best.over_images->p_holm < 0.05)
      shown.push_back(told(all, c, *c.best.over_images));
  }
  return shown;
}

std::string smallest_shown(const Comparison& all) {
  std::vector<std::string> each;
  for (const GroupComparison& c : all.comparisons) {
    const PairedComparison& d = c.best.over_seeds;
    // Identical differences (for example, of networks that learn nothing) do not show how much they vary.
    if (d.decided && d.deviation == 0) each.push_back(fmt::format("unknown size for {}", all.name(c)));
    if (d.decided && d.deviation > 0)
      each.push_back(fmt::format("{:.2f} points for {}", d.smallest_shown, all.name(c)));
  }
  return fmt::format("{}", fmt::join(each, ", "));
}

}  // namespace

bool Comparison::has_seeds() const {
  return std::ranges::any_of(groups, [](const RunGroup& group) { return group.runs.size() > 1; });
}

bool Comparison::has_images() const {
  return std::ranges::any_of(comparisons, [](const GroupComparison& c) { return c.best.over_images.has_value(); });
}

std::string Comparison::conclusion() const {
  const std::string text = conclusion_over_seeds();
  return other_training_data.empty() ? text : text + " " + other_training_data;
}

std::string Comparison::conclusion_over_seeds() const {
  if (groups.size() == 1) return "Nothing is compared: all runs have the same settings.";
  if (comparisons.empty())
    return fmt::format("Nothing is compared: {} separates no finished group from the others.", baseline);
  const auto decided =
      std::ranges::count_if(comparisons, [](const GroupComparison& c) { return c.best.over_seeds.decided; });
  if (decided == 0) return "Nothing can be concluded: no group shares two seeds with its baseline.";
  const std::vector<std::string> shown = shown_over_seeds(*this);
  std::string text = shown.empty() ? fmt::format("No difference from {} is shown", baseline)
                                   : fmt::format("Of {} differences from {}, {} shown: {}", decided, baseline,
                                                 shown.size() == 1 ? "one is" : fmt::format("{} are", shown.size()),
                                                 fmt::join(shown, ", "));
  text += fmt::format(
      " (paired t over seeds, p < 0.05 by Holm); these seeds would have detected one of {} (power 0.8, alpha 0.05, "
      "before the correction)",
      smallest_shown(*this));
  if (decided < int64_t(comparisons.size()))
    text += fmt::format("; {} of the groups share fewer than two seeds with their baseline",
                        int64_t(comparisons.size()) - decided);
  text += ".";
  if (!without_baseline.empty())
    text += fmt::format(" Not compared, because no baseline shares their other settings: {}.",
                        fmt::join(without_baseline, "; "));
  if (has_images()) {
    const std::vector<std::string> both = shown_over_images(*this);
    text += fmt::format(" Over other test images as well, {}{} (seeds and images, p < 0.05 by Holm).",
                        both.empty() ? "none is shown" : "these are shown: ", fmt::join(both, ", "));
  }
  if (!same_selection(groups))
    text += " Some best epochs were chosen on the test images and some were not: compare the last ones.";
  return text;
}

std::string Comparison::images_missing() const {
  size_t without = 0;
  std::set<std::string> why;
  for (const GroupComparison& c : comparisons) {
    if (c.no_images.empty() || c.best.over_seeds.pairs == 0) continue;
    ++without, why.insert(c.no_images);
  }
  if (without == 0) return "";
  return fmt::format("No interval over test images for {} of {} comparisons: {}{}.", without, comparisons.size(),
                     *why.begin(), why.size() > 1 ? fmt::format(" (and {} more)", why.size() - 1) : "");
}

Json Comparison::to_json() const {
  Json json = {{"groups", Json::array()}, {"baseline", baseline}, {"comparisons", Json::array()}};
  for (const RunGroup& group : groups) {
    Json& entry = json["groups"].emplace_back();
    entry = {{"name", group.name},
             {"best_on", group.runs.front()->best_on_test ? "test" : "validation"},
             {"best_top1", json_of(values(group.runs, &ComparedRun::best))},
             {"last_top1", json_of(values(group.runs, &ComparedRun::last))}};
    for (const ComparedRun* run : group.runs) {
      entry["seeds"].push_back(run->seed), entry["runs"].push_back(run->folder);
      entry["best_epochs"].push_back(run->best_epoch);
    }
  }
  for (const GroupComparison& c : comparisons) {
    Json& entry = json["comparisons"].emplace_back();
    entry = {
        {"name", name(c)}, {"against", against(c)}, {"best_top1", json_of(c.best)}, {"last_top1", json_of(c.last)}};
    if (!c.no_images.empty()) entry["no_interval_over_images"] = c.no_images;
  }
  json["conclusion"] = conclusion();
  return json;
}

// --- tables ----------------------------------------------------------------------------------------------------------

namespace {

// "mixer=ssa stem=conv1" for "model.mixer=ssa model.stem=conv1", unless that could be another key.
std::string short_name(const std::string& name) {
  std::string text;
  std::set<std::string> keys;
  for (const auto& [key, value] : settings_in(name)) {
    const std::string last = key.substr(key.rfind('.') + 1);
    if (!keys.insert(last).second) return name;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", last, value);
  }
  return text;
}

// The tables' first column.
class Names {
 public:
  explicit Names(const Comparison& comparison) {
    for (const RunGroup& group : comparison.groups)
      width_ = std::max(width_, width_of(printable(short_name(group.name))));
    width_ = std::min(width_, columns_for_names(52, 28));  // those over images, and two for intervals beyond 10
  }
  std::string head(const std::string& title) const { return padded(title, width_); }
  std::string cell(const std::string& group) const {
    return padded(shortened(printable(short_name(group)), width_), width_);
  }

 private:
  int width_ = 8;
};

void print_groups(const Comparison& comparison, const Names& names) {
  answer("\n{} {:>5} {:>14} {:>14} {:>4} {:>6}\n", names.head("group"), "seeds", "best", "last", "on", "epoch");
  for (const RunGroup& group : comparison.groups) {
    const std::vector<double> best = values(group.runs, &ComparedRun::best),
                              last = values(group.runs, &ComparedRun::last);
    double epoch = 0;
    for (const ComparedRun* run : group.runs) epoch += double(run->best_epoch + 1) / double(group.runs.size());
    answer("{} {:>5} {:>6.2f} ± {:>5.2f} {:>6.2f} ± {:>5.2f} {:>4} {:>6.1f}\n", names.cell(group.name),
           group.runs.size(), mean(best), standard_deviation(best), mean(last), standard_deviation(last),
           group.runs.front()->best_on_test ? "test" : "val", epoch);
  }
}

void print_pairs(const Comparison& all, size_t baseline, const Names& names) {
  answer("\nagainst {}\npairs of the same seed, test top-1 of the best epoch:\n", all.groups[baseline].name);
  answer("{} {:>5} {:>7}  {:>15} {:>7} {:>7}\n", names.head(""), "pairs", "points", "95 % interval", "p", "Holm");
  for (const GroupComparison& g : all.comparisons) {
    if (g.baseline != baseline) continue;
    const PairedComparison& c = g.best.over_seeds;
    if (c.decided)
      answer("{} {:>5} {:>+7.2f}  {:>+6.2f} to {:>+5.2f} {:>7.4f} {:>7.4f}\n", names.cell(all.name(g)), c.pairs,
             c.difference, c.low, c.high, c.p, c.p_holm);
    else
      answer("{} {:>5} {:>7}\n", names.cell(all.name(g)), c.pairs,
             c.pairs ? fmt::format("{:+.2f}", c.difference) : "-");
  }
}

// Below a baseline's pairs, or by itself: the results with the test images as a sample.
void print_images_of(const Comparison& all, size_t baseline, const Names& names) {
  bool begun = false;
  for (const GroupComparison& g : all.comparisons) {
    if (g.baseline != baseline || !g.best.over_images) continue;
    const CrossedComparison& c = *g.best.over_images;
    if (!std::exchange(begun, true)) {
      answer("{} {} test images, best epoch:\n", c.pairs > 1 ? "over seeds and over" : "these runs alone, over",
             c.images);
      answer("{} {:>7}  {:>15} {:>7} {:>7} {:>8}\n", names.head(""), "points", "95 % interval", "p", "Holm",
             "differ %");
    }
    answer("{} {:>+7.2f}  {:>+6.2f} to {:>+5.2f} {:>7.4f} {:>7.4f} {:>8.2f}\n", names.cell(all.name(g)), c.difference,
           c.low, c.high, c.p, c.p_holm, c.disagreement());
    if (c.pairs == 1)
      answer("  only it is right on {:.0f} images, only the baseline on {:.0f} (p: McNemar)\n", c.only_a, c.only_b);
  }
}

}  // namespace

void print_images(const Comparison& comparison) {
  if (!comparison.has_images()) return;
  const Names names(comparison);
  for (const size_t baseline : comparison.baselines) {
    answer("\nagainst {}\n", comparison.groups[baseline].name);
    print_images_of(comparison, baseline, names);
  }
}

void print_comparison(const Comparison& comparison) {
  const Names names(comparison);
  print_groups(comparison, names);
  if (comparison.groups.size() == 1) return;
  for (const size_t baseline : comparison.baselines) {
    print_pairs(comparison, baseline, names);
    print_images_of(comparison, baseline, names);
  }
  if (const std::string missing = comparison.images_missing(); !missing.empty()) answer("\n{}\n", missing);
  answer("\n{}\n", comparison.conclusion());
}

std::string csv_of(const Comparison& comparison) {
  std::string csv =
      "run,group,seed,best_top1,best_epoch,best_on,last_top1,train_images_per_second,test_images_per_second\n";
  for (const RunGroup& group : comparison.groups) {
    for (const ComparedRun* run : group.runs)
      csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", csv_field(run->folder), csv_field(group.name), run->seed,
                         run->best, run->best_epoch + 1, run->best_on_test ? "test" : "validation", run->last,
                         run->train_rate, run->test_rate);
  }
  return csv;
}

}  // namespace spikemix
