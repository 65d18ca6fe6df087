// SPDX-License-Identifier: MIT
#include "spikemix/cli/bench_scaling.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/processor_name.h"
#include "spikemix/cli/csv.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"
#include "spikemix/report/chart.h"
#include "spikemix/scaling/scaling.h"

namespace spikemix {
namespace {

using Of = ScalingRow::Of;

const std::vector<std::string> kScalingMixers = {"ssa",      "fft1d",   "fft2d", "wt1d",    "wt2d",
                                                 "hadamard", "hartley", "dwc3",  "identity"};
const std::vector<int64_t> kScalingTokens = {64, 144, 256, 576, 1024, 2304, 4096};

ScalingTask task_of(const ScalingOptions& o) {
  std::vector<std::string> overrides = o.overrides;
  if (o.embed_dim > 0) overrides.push_back(fmt::format("model.embed_dim={}", o.embed_dim));
  if (o.heads > 0) overrides.push_back(fmt::format("model.heads={}", o.heads));
  if (o.T > 0) overrides.push_back(fmt::format("model.T={}", o.T));
  const Config config = load_recipe(o.recipe, overrides);
  validate(config);
  ScalingTask task{.model = config.model,
                   .neuron = config.neuron,
                   .mixers = o.mixers,
                   .tokens = o.tokens,
                   .density = o.density,
                   .threads = o.threads,
                   .seconds = o.seconds};
  if (!o.precision.empty()) task.precision = parse_precision(o.precision);
  std::ranges::sort(task.tokens);
  const auto same = std::ranges::unique(task.tokens);
  task.tokens.erase(same.begin(), same.end());
  return task;
}

// The exponent that N log N would give over the measured sizes.
PowerLaw n_log_n(const std::vector<int64_t>& tokens) {
  std::vector<double> x, y;
  for (const int64_t n : tokens) {
    if (n > 1) x.push_back(double(n)), y.push_back(double(n) * std::log(double(n)));
  }
  return fit_power_law(x, y);
}

std::vector<ScalingRow> of_models(const std::vector<ScalingRow>& rows, bool models) {
  std::vector<ScalingRow> found;
  std::ranges::copy_if(rows, std::back_inserter(found),
                       [&](const ScalingRow& row) { return (row.of == Of::kModel) == models; });
  return found;
}

// --- as text ---------------------------------------------------------------------------------------------------------

std::string short_number(double value) {
  return value < 9.95   ? fmt::format("{:.2f}", value)
         : value < 99.5 ? fmt::format("{:.1f}", value)
                        : fmt::format("{:.0f}", value);
}

std::string exponent(const PowerLaw& law) {
  if (!law.known()) return "-";
  if (!law.has_interval()) return fmt::format("{:.2f}", law.exponent);
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", law.exponent, law.low, law.high);
}

// One line for each row: a figure at every size, and the exponent.
void print_table(const std::string& title, const ScalingTask& task, const std::vector<ScalingRow>& rows,
                 double ScalingPoint::*value, double unit) {
  size_t name = title.size();
  for (const ScalingRow& row : rows) name = std::max(name, row.name().size());
  std::string head = fmt::format("{:<{}}", title, name);
  for (const int64_t n : task.tokens) head += fmt::format(" {:>8}", n);
  answer("{}   exponent (95 %)        R2\n", head);
  for (const ScalingRow& row : rows) {
    std::string line = fmt::format("{:<{}}", row.name(), name);
    for (const ScalingPoint& point : row.points) {
      const bool high = value == &ScalingPoint::seconds && point.disturbed;
      line +=
          fmt::format(" {:>8}", point.refused.empty() ? short_number(point.*value / unit) + (high ? "*" : "") : "-");
    }
    const PowerLaw law = value == &ScalingPoint::seconds ? row.time() : row.memory();
    answer("{}   {:<22} {}\n", line, exponent(law), law.known() ? fmt::format("{:.4f}", law.r2) : "-");
  }
  answer("\n");
}

void print_densities(const std::vector<ScalingRow>& models) {
  double low = 1, high = 0;
  for (const ScalingRow& row : models) {
    for (const ScalingPoint& point : row.points) {
      if (point.refused.empty()) low = std::min(low, point.density), high = std::max(high, point.density);
    }
  }
  if (low > high) return;
  answer("The models' neurons fired at {:.1f} to {:.1f} % (measured; --json has each).\n", 100 * low, 100 * high);
}

// Refused sizes, once for each reason: a mixer's refusal also holds for its model.
void print_gaps(const std::vector<ScalingRow>& rows) {
  std::vector<std::pair<std::string, std::vector<int64_t>>> gaps;
  for (const ScalingRow& row : rows) {
    for (const ScalingPoint& point : row.points) {
      if (point.refused.empty()) continue;
      auto gap = std::ranges::find(gaps, point.refused, &std::pair<std::string, std::vector<int64_t>>::first);
      if (gap == gaps.end()) gap = gaps.insert(gap, {point.refused, {}});
      if (std::ranges::find(gap->second, point.tokens) == gap->second.end()) gap->second.push_back(point.tokens);
    }
  }
  for (const auto& [why, sizes] : gaps)
    answer("Nothing at {} tokens: {}\n", fmt::format("{}", fmt::join(sizes, ", ")), why);
}

void print_disturbed(const std::vector<ScalingRow>& rows) {
  for (const ScalingRow& row : rows) {
    if (!std::ranges::any_of(row.points, &ScalingPoint::disturbed)) continue;
    return answer(
        "* Other programs had the core in between: the time is too long, and so are exponents from it. Measure on an "
        "idle machine.\n");
  }
}

// What these numbers say about O(N^2) against O(N log N).
void print_what_holds(const std::vector<ScalingRow>& rows, const ScalingTask& task) {
  std::vector<PowerLaw> laws;  // naive, reordered, the engine's
  for (const ScalingRow& row : rows) {
    if (row.of == Of::kAttention && laws.size() < 3) laws.push_back(row.time());
  }
  const PowerLaw reference = n_log_n(task.tokens);
  if (laws.size() < 3 || !laws[0].known() || !reference.known()) return;
  answer(
      "\nAttention's time grows as N^{:.2f} in the order (q k') v; the same sums as q (k' v) grow as N^{:.2f} dense\n"
      "and N^{:.2f} on the engine. N log N itself is N^{:.2f} over these sizes. \"O(N^2) becomes O(N log N)\" holds\n"
      "against (q k') v alone: compared with q (k' v), which takes N D^2 / heads operations, a transform saves the\n"
      "four maps (N D^2) and a constant factor, not a power of N.\n",
      laws[0].exponent, laws[1].exponent, laws[2].exponent, reference.exponent);
  const auto copy = std::ranges::find_if(rows, [](const ScalingRow& row) {
    return row.of == Of::kMixer && row.mixer == "identity" && row.time().known();
  });
  if (copy == rows.end()) return;
  answer(
      "identity, which only moves values, grows as N^{:.2f}: anything above 1 there comes from caches, in every row.\n",
      copy->time().exponent);
}

void print(const ScalingOptions& o, const ScalingTask& task, const std::vector<ScalingRow>& rows) {
  answer(
      "One image, T = {} steps, D = {}, {} heads, {}; random weights; mixers read spikes of density {:.3g} %. "
      "Medians.\n{}, {} cores: mixers on one thread, models on {}.\n\n",
      task.model.T, task.model.embed_dim, task.model.heads.back(), name_of(task.precision), 100 * task.density,
      processor_name(), std::thread::hardware_concurrency(), task.threads);
  const std::vector<ScalingRow> mixers = of_models(rows, false), models = of_models(rows, true);
  print_table("mixer, us; N =", task, mixers, &ScalingPoint::seconds, 1e-6);
  print_table("mixer, kB; N =", task, mixers, &ScalingPoint::bytes, 1024);
  print_table(fmt::format("{}, ms; N =", o.recipe), task, models, &ScalingPoint::seconds, 1e-3);
  print_table(fmt::format("{}, MB; N =", o.recipe), task, models, &ScalingPoint::bytes, 1 << 20);
  print_disturbed(rows);
  print_densities(models);
  print_gaps(rows);
  print_what_holds(rows, task);
}

// --- as JSON, CSV and a plot -----------------------------------------------------------------------------------------

const char* kind_of(const ScalingRow& row) {
  switch (row.of) {
    case Of::kMixer:
      return "mixer";
    case Of::kAttention:
      return "attention";
    case Of::kModel:
      return "model";
  }
  return "";
}

nlohmann::json to_json(const PowerLaw& law) {
  nlohmann::json json = {{"points", law.points}, {"exponent", nullptr}, {"interval", nullptr}, {"r2", nullptr}};
  if (law.known()) json["exponent"] = law.exponent, json["r2"] = law.r2;
  if (law.has_interval()) json["interval"] = {law.low, law.high};
  return json;
}

nlohmann::json to_json(const ScalingRow& row) {
  nlohmann::json points = nlohmann::json::array();
  for (const ScalingPoint& p : row.points) {
    if (p.refused.empty())
      points.push_back({{"tokens", p.tokens},
                        {"seconds", p.seconds},
                        {"bytes", p.bytes},
                        {"density", p.density},
                        {"disturbed", p.disturbed}});
    else
      points.push_back({{"tokens", p.tokens}, {"refused", p.refused}});
  }
  return {{"of", kind_of(row)},          {"mixer", row.mixer},          {"what", row.what},
          {"points", std::move(points)}, {"time", to_json(row.time())}, {"memory", to_json(row.memory())}};
}

nlohmann::json to_json(const ScalingOptions& o, const ScalingTask& task, const std::vector<ScalingRow>& rows) {
  nlohmann::json json = {{"recipe", o.recipe},
                         {"T", task.model.T},
                         {"embed_dim", task.model.embed_dim},
                         {"heads", task.model.heads.back()},
                         {"density", task.density},
                         {"precision", name_of(task.precision)},
                         {"threads", task.threads},
                         {"processor", processor_name()},
                         {"n_log_n", to_json(n_log_n(task.tokens))},
                         {"rows", nlohmann::json::array()}};
  for (const ScalingRow& row : rows) json["rows"].push_back(to_json(row));
  return json;
}

constexpr const char* kCsvHeading = "of,mixer,what,tokens,seconds,bytes,density,disturbed,refused\n";

std::string csv_of(const std::vector<ScalingRow>& rows) {
  std::string csv = kCsvHeading;
  for (const ScalingRow& row : rows) {
    for (const ScalingPoint& p : row.points) {
      const std::string figures =
          p.refused.empty() ? fmt::format("{},{},{},{}", p.seconds, p.bytes, p.density, int(p.disturbed)) : ",,,";
      csv += fmt::format("{},{},{},{},{},{}\n", kind_of(row), csv_field(row.mixer), csv_field(row.what), p.tokens,
                         figures, p.refused.empty() ? "" : csv_field(p.refused));
    }
  }
  return csv;
}

reports::LineChart chart_of(const std::string& id, const std::string& title, const std::string& unit, double scale,
                            const std::vector<ScalingRow>& rows, double ScalingPoint::*value) {
  reports::LineChart chart{.id = id, .title = title, .x_label = "tokens N", .y_label = unit, .lines = {}};
  chart.logarithmic = chart.logarithmic_x = true;
  for (const ScalingRow& row : rows) {
    reports::Line line{.name = row.name(), .x = {}, .y = {}};
    for (const ScalingPoint& p : row.points) {
      if (p.refused.empty()) line.x.push_back(double(p.tokens)), line.y.push_back(p.*value / scale);
    }
    const PowerLaw law = value == &ScalingPoint::seconds ? row.time() : row.memory();
    if (law.known()) line.name += fmt::format(", N^{:.2f}", law.exponent);
    if (!line.x.empty()) chart.lines.push_back(std::move(line));
  }
  return chart;
}

std::string plot_of(const std::vector<ScalingRow>& rows) {
  const std::vector<ScalingRow> mixers = of_models(rows, false), models = of_models(rows, true);
  return reports::svg_document(
      {chart_of("mixer-time", "Time of a mixer", "us", 1e-6, mixers, &ScalingPoint::seconds),
       chart_of("mixer-memory", "Memory of a mixer", "kB", 1024, mixers, &ScalingPoint::bytes),
       chart_of("model-time", "Time of a whole model", "ms", 1e-3, models, &ScalingPoint::seconds),
       chart_of("model-memory", "Memory of a whole model", "MB", 1 << 20, models, &ScalingPoint::bytes)});
}

// The first reason, if no size could be measured; otherwise "".
std::string why_nothing(const std::vector<ScalingRow>& rows) {
  std::string why;
  for (const ScalingRow& row : rows) {
    for (const ScalingPoint& p : row.points) {
      if (p.refused.empty()) return "";
      if (why.empty()) why = fmt::format("{} at {} tokens: {}", row.name(), p.tokens, p.refused);
    }
  }
  return why;
}

}  // namespace

void bench_scaling(const ScalingOptions& given) {
  ScalingOptions o = given;
  if (o.recipe.empty()) o.recipe = "cifar10";
  if (!is_recipe(o.recipe)) throw input_error("--scaling: takes a recipe, found '{}'", o.recipe);
  if (o.mixers.empty()) o.mixers = kScalingMixers;
  if (o.tokens.empty()) o.tokens = kScalingTokens;
  const ScalingTask task = task_of(o);
  check_outputs({{"--csv", o.csv, OutputKind::kTable, kCsvHeading}, {"--plot", o.plot, OutputKind::kPlot}}, {o.recipe});
  ProgressLine line;
  const double all = 2 * double(task.mixers.size() * task.tokens.size());
  double done = 0;
  const std::vector<ScalingRow> rows = measure_scaling(task, [&](const std::string& what) {
    if (line.due()) line.show("measuring:", done / all, what);
    ++done;
  });
  line.clear();
  if (const std::string refused = why_nothing(rows); !refused.empty())
    throw input_error("--scaling: nothing was measured: {}", refused);
  if (!o.csv.empty()) write_file_atomically(o.csv, csv_of(rows));
  if (!o.plot.empty()) write_file_atomically(o.plot, plot_of(rows));
  if (o.json) return answer_json(to_json(o, task, rows));
  print(o, task, rows);
}

void add_scaling_options(CLI::App& command, CLI::Option* scaling, ScalingOptions& options) {
  const auto with = [&](CLI::Option* option) { return option->needs(scaling)->group("With --scaling"); };
  with(command.add_option("--mixers", options.mixers, "which mixers, separated by commas, as model.mixer names them"))
      ->delimiter(',');
  with(command.add_option("--tokens", options.tokens,
                          "numbers of tokens, squares, separated by commas; 64 to 4096 if not given"))
      ->delimiter(',')
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 16));
  with(command.add_option("--embed-dim", options.embed_dim, "embedding dim D; the recipe's if not given"))
      ->check(CLI::PositiveNumber);
  with(command.add_option("--heads", options.heads, "attention heads; the recipe's if not given"))
      ->check(CLI::PositiveNumber);
  with(command.add_option("--T", options.T, "time steps; the recipe's if not given"))->check(CLI::PositiveNumber);
  with(command.add_option("--density", options.density, "density of the spikes that mixers read and models aim at"))
      ->check(CLI::Range(0.001, 1.0));
  with(command.add_option("--seconds", options.seconds,
                          "seconds spent on each figure, at least; medians of 3 to 1001 passes"))
      ->check(CLI::Range(0.0, 3600.0));
  with(command.add_option("--csv", options.csv, "write a line for each size and row to this file"));
  with(command.add_option("--plot", options.plot, "write a log-log plot to this SVG file"));
}

}  // namespace spikemix
