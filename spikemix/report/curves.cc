// SPDX-License-Identifier: MIT
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "spikemix/report/chart.h"
#include "spikemix/report/html.h"
#include "spikemix/report/sections.h"

namespace spikemix::reports {
namespace {

// With more lines than this, a colour for each is no help: runs of one mixer then share one.
constexpr size_t kOwnStyles = 8;

std::vector<int> styles_of(const std::vector<Run>& runs) {
  std::map<std::string, int> of_mixer;
  std::vector<int> styles;
  for (size_t i = 0; i < runs.size(); ++i) {
    const int mixer = of_mixer.try_emplace(runs[i].mixer(), int(of_mixer.size())).first->second;
    styles.push_back(runs.size() > kOwnStyles ? mixer : int(i));
  }
  return styles;
}

Line line_of(const Run& run, double Epoch::*value, std::string name, int style) {
  Line line{.name = std::move(name), .x = {}, .y = {}, .style = style};
  for (const Epoch& epoch : run.epochs) line.x.push_back(epoch.epoch), line.y.push_back(epoch.*value);
  return line;
}

bool empty(const Line& line) {
  for (const double y : line.y) {
    if (std::isfinite(y)) return false;
  }
  return true;
}

std::string chart_of(const std::vector<Run>& runs, const char* id, std::string title, std::string y_label,
                     double Epoch::*value) {
  const std::vector<int> styles = styles_of(runs);
  LineChart chart{.id = id, .title = std::move(title), .x_label = "epoch", .y_label = std::move(y_label), .lines = {}};
  for (size_t i = 0; i < runs.size(); ++i) {
    Line line = line_of(runs[i], value, runs[i].name, styles[i]);
    if (!empty(line)) chart.lines.push_back(std::move(line));
  }
  return chart.lines.empty() ? "" : html(chart);
}

std::string tested_on(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.tested_on != runs[0].tested_on) return "test or validation";
  }
  return runs[0].tested_on;
}

std::string both_losses(const Run& run) {
  LineChart chart{.id = "loss", .title = "Loss", .x_label = "epoch", .y_label = "cross entropy", .lines = {}};
  for (Line& line :
       std::vector{line_of(run, &Epoch::train_loss, "training", 0), line_of(run, &Epoch::loss, run.tested_on, 1)}) {
    if (!empty(line)) chart.lines.push_back(line);
  }
  return chart.lines.empty() ? "" : html(chart);
}

}  // namespace

std::string curves(const std::vector<Run>& runs) {
  std::string charts;
  if (runs.size() == 1) {
    charts += both_losses(runs[0]);
  } else {
    charts += chart_of(runs, "train-loss", "Training loss", "cross entropy", &Epoch::train_loss);
    charts += chart_of(runs, "test-loss", "Loss on " + tested_on(runs) + " images", "cross entropy", &Epoch::loss);
  }
  charts += chart_of(runs, "top1", "Top-1 accuracy on " + tested_on(runs) + " images", "%", &Epoch::top1);
  charts += chart_of(runs, "lr", "Learning rate", "learning rate", &Epoch::learning_rate);
  charts += chart_of(runs, "speed", "Training speed", "images/s", &Epoch::images_per_second);
  if (charts.empty()) return "";
  return paragraph(
             "Training loss is measured on augmented images, with label smoothing and mixup if the config has them, so "
             "it may be higher than the test loss.") +
         fmt::format("<div class=\"charts\">\n{}</div>\n", charts);
}

namespace {

double number_of(const Run& run, const char* key) {
  if (!run.summary || !run.summary->contains(key) || !(*run.summary)[key].is_number()) return std::nan("");
  return (*run.summary)[key].get<double>();
}

std::string percent(double value) { return std::isfinite(value) ? fmt::format("{:.2f}", value) : "–"; }

// The best epoch so far, for a run that is not done; with validation images, nothing has been tested yet.
double best_of(const Run& run) {
  double best = std::nan("");
  for (const Epoch& epoch : run.epochs) best = run.tested_on == "test" ? std::fmax(best, epoch.top1) : best;
  return best;
}

double last_of(const Run& run) {
  return run.epochs.empty() || run.tested_on != "test" ? std::nan("") : run.epochs.back().top1;
}

}  // namespace

std::string comparison(const std::vector<Run>& runs) {
  Table table{.caption = "Runs: accuracy on the test images, speed and memory",
              .columns = {"run", "mixer", "seed", "epochs", "chosen on", "parameters", "best top-1 %", "last top-1 %",
                          "training images/s", "test images/s", "peak memory, MB"},
              .rows = {}};
  for (const Run& run : runs) {
    const bool done = run.summary.has_value();
    const double best = done ? number_of(run, "best_top1") : best_of(run);
    const double last = done ? number_of(run, "last_top1") : last_of(run);
    table.rows.push_back(
        {Cell(run.name + (done ? "" : " (not finished)")), Cell(run.mixer()),
         Cell(fmt::to_string(run.config.train.seed), double(run.config.train.seed)), Cell(double(run.epochs.size())),
         Cell(run.tested_on), Cell(number_of(run, "parameters")), Cell(percent(best), best), Cell(percent(last), last),
         Cell(number_of(run, "train_images_per_second")), Cell(number_of(run, "test_images_per_second")),
         Cell(number_of(run, "peak_memory_bytes") / 1e6)});
  }
  return html(table) +
         paragraph(
             "Where \"chosen on\" says test, best is the best of all epochs on the test images, the published "
             "protocol, which flatters; where it says validation, the test images were seen once, at the end. "
             "Runs also differ by their seeds, so one run of each says little.");
}

}  // namespace spikemix::reports
