#include "spikemix/cli/comparison.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;
using Settings = std::map<std::string, std::string>;

std::string value_of(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

// Keys whose values are not the same in all of them. With older runs, which have not every key, those count as empty.
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

// Groups in the order of their first runs, each by seed. A seed that comes twice is left out the second time: it is no
// second draw.
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

size_t find_baseline(const std::vector<RunGroup>& groups, const std::string& baseline) {
  if (baseline.empty()) return 0;
  std::vector<std::string> wanted, names;
  std::istringstream stream(baseline);
  for (std::string word; stream >> word;) wanted.push_back(word);
  std::vector<size_t> found;
  for (size_t g = 0; g < groups.size(); ++g) {
    names.push_back(groups[g].name);
    const Settings& settings = groups[g].runs.front()->settings;
    const bool meant = std::ranges::all_of(wanted, [&](const std::string& word) {
      const size_t equals = word.find('=');
      return equals != word.npos && value_of(settings, word.substr(0, equals)) == word.substr(equals + 1);
    });
    if (meant) found.push_back(g);
  }
  if (found.size() != 1)
    throw input_error("baseline '{}': {} of the groups; expected settings of one, as in '{}' (there are: {})", baseline,
                      found.empty() ? "none" : "several", names.front(), fmt::join(names, "; "));
  return found[0];
}

std::vector<double> values(const std::vector<const ComparedRun*>& runs, double ComparedRun::*member) {
  std::vector<double> result;
  for (const ComparedRun* run : runs) result.push_back(run->*member);
  return result;
}

GroupComparison compare(const RunGroup& group, const RunGroup& baseline) {
  std::vector<const ComparedRun*> own, other;
  for (const ComparedRun* run : group.runs) {
    const auto pair = std::ranges::find(baseline.runs, run->seed, &ComparedRun::seed);
    if (pair != baseline.runs.end()) own.push_back(run), other.push_back(*pair);
  }
  return {group.name, compare_pairs(values(own, &ComparedRun::best), values(other, &ComparedRun::best)),
          compare_pairs(values(own, &ComparedRun::last), values(other, &ComparedRun::last))};
}

void correct(std::vector<GroupComparison>& comparisons, PairedComparison GroupComparison::*member) {
  std::vector<PairedComparison> all;
  for (const GroupComparison& c : comparisons) all.push_back(c.*member);
  correct_by_holm(all);
  for (size_t i = 0; i < all.size(); ++i) comparisons[i].*member = all[i];
}

bool same_selection(const std::vector<RunGroup>& groups) {
  const bool first = groups.front().runs.front()->best_on_test;
  return std::ranges::all_of(groups, [&](const RunGroup& g) {
    return std::ranges::all_of(g.runs, [&](const ComparedRun* run) { return run->best_on_test == first; });
  });
}

Json json_of(const PairedComparison& c) {
  Json json = {{"pairs", c.pairs}, {"difference", c.difference}};
  if (c.decided())
    json.update({{"deviation", c.deviation},
                 {"confidence_95", {c.low, c.high}},
                 {"p", c.p},
                 {"p_holm", c.p_holm},
                 {"smallest_difference_shown", c.smallest_shown}});
  return json;
}

Json json_of(const std::vector<double>& of_runs) {
  return {{"mean", mean(of_runs)}, {"deviation", standard_deviation(of_runs)}, {"values", of_runs}};
}

}  // namespace

bool Comparison::has_seeds() const {
  return std::ranges::any_of(groups, [](const RunGroup& group) { return group.runs.size() > 1; });
}

Comparison compare_groups(const std::vector<ComparedRun>& runs, const std::string& baseline) {
  Comparison comparison;
  comparison.groups = grouped(runs, comparison.left_out);
  comparison.baseline = find_baseline(comparison.groups, baseline);
  for (size_t g = 0; g < comparison.groups.size(); ++g) {
    if (g != comparison.baseline)
      comparison.comparisons.push_back(compare(comparison.groups[g], comparison.groups[comparison.baseline]));
  }
  correct(comparison.comparisons, &GroupComparison::best);
  correct(comparison.comparisons, &GroupComparison::last);
  return comparison;
}

std::string Comparison::conclusion() const {
  std::vector<std::string> shown;
  size_t decided = 0;
  double smallest = 0;
  for (const auto& [name, c, last] : comparisons) {
    if (!c.decided()) continue;
    ++decided;
    smallest = std::max(smallest, c.smallest_shown);
    if (c.p_holm < 0.05)
      shown.push_back(fmt::format("{} {:+.2f} points ({:.2f} to {:.2f})", name, c.difference, c.low, c.high));
  }
  if (comparisons.empty()) return "Nothing is compared: all runs have the same settings.";
  if (decided == 0) return "Nothing may be concluded: no group shares two seeds with the baseline.";
  std::string text =
      shown.empty()
          ? fmt::format("No difference from {} is shown", groups[baseline].name)
          : fmt::format("Of {} differences from {} {} shown: {}", decided, groups[baseline].name,
                        shown.size() == 1 ? "one is" : fmt::format("{} are", shown.size()), fmt::join(shown, ", "));
  text += fmt::format(
      " (paired t over seeds, p < 0.05 by Holm); these seeds would have shown one of {:.2f} points (power 0.8, alpha "
      "0.05, before the correction){}.",
      smallest,
      decided < comparisons.size()
          ? fmt::format("; {} of the groups share no two seeds with it", comparisons.size() - decided)
          : "");
  if (!same_selection(groups))
    text += " Some best epochs were chosen on the test images and some were not: compare the last ones.";
  return text;
}

Json Comparison::to_json() const {
  Json json = {{"groups", Json::array()}, {"baseline", groups[baseline].name}, {"comparisons", Json::array()}};
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
  for (const auto& [name, best, last] : comparisons)
    json["comparisons"].push_back({{"name", name}, {"best_top1", json_of(best)}, {"last_top1", json_of(last)}});
  json["conclusion"] = conclusion();
  return json;
}

void print_comparison(const Comparison& comparison) {
  int width = 8;
  for (const RunGroup& group : comparison.groups) width = std::max(width, width_of(printable(group.name)));
  width = std::min(width, 32);  // 80 columns in all
  const auto cell = [&](const std::string& text) { return padded(shortened(printable(text), width), width); };

  answer("\n{} {:>5} {:>14} {:>14} {:>4} {:>6}\n", cell("group"), "seeds", "best", "last", "on", "epoch");
  for (const RunGroup& group : comparison.groups) {
    const std::vector<double> best = values(group.runs, &ComparedRun::best),
                              last = values(group.runs, &ComparedRun::last);
    double epoch = 0;
    for (const ComparedRun* run : group.runs) epoch += double(run->best_epoch + 1) / double(group.runs.size());
    answer("{} {:>5} {:>6.2f} ± {:>5.2f} {:>6.2f} ± {:>5.2f} {:>4} {:>6.1f}\n", cell(group.name), group.runs.size(),
           mean(best), standard_deviation(best), mean(last), standard_deviation(last),
           group.runs.front()->best_on_test ? "test" : "val", epoch);
  }
  if (comparison.comparisons.empty()) return;
  answer("\nagainst {}, pairs of the same seed, test top-1 of the best epoch:\n",
         comparison.groups[comparison.baseline].name);
  answer("{} {:>5} {:>7}  {:>15} {:>7} {:>7}\n", cell(""), "pairs", "points", "95 % interval", "p", "Holm");
  for (const auto& [name, c, last] : comparison.comparisons) {
    if (c.decided())
      answer("{} {:>5} {:>+7.2f}  {:>+6.2f} to {:>+5.2f} {:>7.4f} {:>7.4f}\n", cell(name), c.pairs, c.difference, c.low,
             c.high, c.p, c.p_holm);
    else
      answer("{} {:>5} {:>7}\n", cell(name), c.pairs, c.pairs ? fmt::format("{:+.2f}", c.difference) : "-");
  }
  answer("\n{}\n", comparison.conclusion());
}

std::string csv_of(const Comparison& comparison) {
  const auto quoted = [](const std::string& text) {
    std::string result = "\"";
    for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
  };
  std::string csv =
      "run,group,seed,best_top1,best_epoch,best_on,last_top1,train_images_per_second,test_images_per_second\n";
  for (const RunGroup& group : comparison.groups) {
    for (const ComparedRun* run : group.runs)
      csv += fmt::format("{},{},{},{},{},{},{},{},{}\n", quoted(run->folder), quoted(group.name), run->seed, run->best,
                         run->best_epoch + 1, run->best_on_test ? "test" : "validation", run->last, run->train_rate,
                         run->test_rate);
  }
  return csv;
}

}  // namespace spikemix
