// SPDX-License-Identifier: MIT
#include "spikemix/cli/report_comparison.h"

#include <vector>

#include <fmt/format.h>

#include "spikemix/report/html.h"

namespace spikemix {
namespace {

reports::Cell mean_of(const RunGroup& group, double ComparedRun::*member) {
  std::vector<double> values;
  for (const ComparedRun* run : group.runs) values.push_back(run->*member);
  const double middle = mean(values);
  return {fmt::format("{:.2f} ± {:.2f}", middle, standard_deviation(values)), middle};
}

std::string groups_html(const Comparison& comparison) {
  reports::Table table{.caption = "Test accuracy of each group, top-1 %: mean and deviation over seeds",
                       .columns = {"group", "seeds", "best", "last", "chosen on"},
                       .rows = {}};
  for (const RunGroup& group : comparison.groups)
    table.rows.push_back({group.name, reports::Cell(double(group.runs.size())), mean_of(group, &ComparedRun::best),
                          mean_of(group, &ComparedRun::last),
                          group.runs.front()->best_on_test ? "test" : "validation"});
  return reports::html(table);
}

std::string interval(const TestedDifference& c) { return fmt::format("{:+.2f} to {:+.2f}", c.low, c.high); }
reports::Cell points(double difference) { return {fmt::format("{:+.2f}", difference), difference}; }
reports::Cell four_digits(double p) { return {fmt::format("{:.4f}", p), p}; }

std::string pairs_html(const Comparison& all) {
  reports::Table table{.caption = "Pairs of the same seed, best epochs, in points",
                       .columns = {"group", "against", "pairs", "difference", "95 % interval", "p", "p by Holm",
                                   "would have been detected"},
                       .rows = {}};
  for (const GroupComparison& g : all.comparisons) {
    const PairedComparison& c = g.best.over_seeds;
    std::vector<reports::Cell> row = {all.name(g), all.against(g), reports::Cell(double(c.pairs))};
    if (c.pairs > 0) row.push_back(points(c.difference));
    if (c.decided) {
      row.push_back(interval(c));
      row.push_back(four_digits(c.p)), row.push_back(four_digits(c.p_holm));
      row.push_back({fmt::format("{:.2f}", c.smallest_shown), c.smallest_shown});
    }
    row.resize(table.columns.size(), "–");
    table.rows.push_back(std::move(row));
  }
  return table.rows.empty() ? "" : reports::html(table);
}

std::string images_html(const Comparison& all) {
  reports::Table table{.caption = "The same with the test images as a sample too, in points",
                       .columns = {"group", "against", "test images", "difference", "95 % interval", "p", "p by Holm",
                                   "only one right, %"},
                       .rows = {}};
  for (const GroupComparison& g : all.comparisons) {
    if (!g.best.over_images) continue;
    const CrossedComparison& c = *g.best.over_images;
    table.rows.push_back({all.name(g),
                          all.against(g),
                          reports::Cell(double(c.images)),
                          points(c.difference),
                          interval(c),
                          four_digits(c.p),
                          four_digits(c.p_holm),
                          {fmt::format("{:.2f}", c.disagreement()), c.disagreement()}});
  }
  return table.rows.empty() ? "" : reports::html(table);
}

}  // namespace

std::string comparison_html(const Comparison& comparison) {
  if (!comparison.has_seeds()) return "";
  const std::string missing = comparison.images_missing();
  return groups_html(comparison) + pairs_html(comparison) + images_html(comparison) +
         (missing.empty() ? "" : reports::paragraph(missing)) + reports::paragraph(comparison.conclusion());
}

}  // namespace spikemix
