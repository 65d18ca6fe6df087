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

std::string pairs_html(const Comparison& comparison) {
  reports::Table table{
      .caption = fmt::format("Against {}: pairs of the same seed, best epochs, in points",
                             comparison.groups[comparison.baseline].name),
      .columns = {"group", "pairs", "difference", "95 % interval", "p", "p by Holm", "would have been shown"},
      .rows = {}};
  for (const auto& [name, c, last] : comparison.comparisons) {
    std::vector<reports::Cell> row = {name, reports::Cell(double(c.pairs))};
    if (c.pairs > 0) row.push_back({fmt::format("{:+.2f}", c.difference), c.difference});
    if (c.decided()) {
      row.push_back(fmt::format("{:+.2f} to {:+.2f}", c.low, c.high));
      row.push_back({fmt::format("{:.4f}", c.p), c.p});
      row.push_back({fmt::format("{:.4f}", c.p_holm), c.p_holm});
      row.push_back({fmt::format("{:.2f}", c.smallest_shown), c.smallest_shown});
    }
    row.resize(table.columns.size(), "–");
    table.rows.push_back(std::move(row));
  }
  return table.rows.empty() ? "" : reports::html(table);
}

}  // namespace

std::string comparison_html(const Comparison& comparison) {
  if (!comparison.has_seeds()) return "";
  return groups_html(comparison) + pairs_html(comparison) + reports::paragraph(comparison.conclusion());
}

}  // namespace spikemix
