#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/run_name.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"
#include "spikemix/core/error.h"
#include "spikemix/core/file.h"

namespace spikemix {
namespace {

// A finished run, as its summary.json tells; or why there is nothing to compare.
struct ComparedRun {
  std::string folder, skipped = {};
  nlohmann::json summary = {};
  std::string mixer = {}, seed = {};
  int64_t parameters = 0;
  double best = 0, last = 0, train_rate = 0, test_rate = 0, peak_memory = 0;
};

void take(const nlohmann::json& summary, ComparedRun& run) {
  run.summary = summary;
  run.summary["run"] = run.folder;
  run.mixer = fmt::format("{}", fmt::join(summary.at("mixer").get<std::vector<std::string>>(), ","));
  run.seed = summary.contains("seed") ? fmt::to_string(summary.at("seed").get<int64_t>()) : "-";
  run.parameters = summary.at("parameters").get<int64_t>();
  run.best = summary.at("best_top1").get<double>(), run.last = summary.at("last_top1").get<double>();
  run.train_rate = summary.at("train_images_per_second").get<double>();
  run.test_rate = summary.at("test_images_per_second").get<double>();
  run.peak_memory = summary.at("peak_memory_bytes").get<double>();
}

ComparedRun read_run(const std::string& folder) {
  ComparedRun run{.folder = folder};
  const std::filesystem::path path = folder, summary = path / "summary.json";
  if (std::error_code error; !std::filesystem::exists(std::filesystem::symlink_status(path, error)))
    throw input_error("{}: there is no such run folder", folder);
  if (!std::filesystem::exists(path)) {
    run.skipped = "a link to nothing";
  } else if (!std::filesystem::exists(path / "config.json")) {
    run.skipped = "no run folder (it has no config.json)";
  } else if (!std::filesystem::exists(summary)) {
    run.skipped = fmt::format("not finished; `spikemix resume {}` goes on with it", folder);
  } else {
    try {
      take(parse_json(read_file(summary), summary.string() + ":"), run);
    } catch (const InputError&) {
      run.skipped = "its summary.json is damaged";
    } catch (const nlohmann::json::exception&) {
      run.skipped = "its summary.json is damaged, or of another program";
    }
  }
  return run;
}

// --- the table: as wide as its names, 80 columns at most -----------------------------------------------------------

std::string cell(const std::string& text, int columns) { return padded(shortened(printable(text), columns), columns); }

void print(const std::vector<ComparedRun>& runs) {
  constexpr int kNames = 28;  // columns of the names of run and mixer, of 80
  std::vector<std::string> names;
  for (const ComparedRun& run : runs) names.push_back(run_name(run.folder));
  for (size_t i = 0; i < runs.size(); ++i) {
    if (std::ranges::count(names, run_name(runs[i].folder)) > 1) names[i] = runs[i].folder;
  }
  int name_width = 3, mixer_width = 5;
  for (size_t i = 0; i < runs.size(); ++i) {
    name_width = std::max(name_width, width_of(printable(names[i])));
    mixer_width = std::max(mixer_width, width_of(printable(runs[i].mixer)));
  }
  mixer_width = std::min(mixer_width, std::max(kNames - name_width, kNames / 3));
  name_width = std::min(name_width, kNames - mixer_width);

  const std::string gap(size_t(name_width + mixer_width + 1), ' ');
  answer("{} {:>4} {:>8}  {:^13} {:^13} {:>7}\n", gap, "", "para-", "top-1 %", "images/s", "peak");
  answer("{} {} {:>4} {:>8}  {:>6} {:>6} {:>6} {:>6} {:>7}\n", cell("run", name_width), cell("mixer", mixer_width),
         "seed", "meters", "best", "last", "train", "infer", "MB");
  for (size_t i = 0; i < runs.size(); ++i) {
    const ComparedRun& r = runs[i];
    answer("{} {} {:>4} {:>8}  {:>6.2f} {:>6.2f} {:>6.0f} {:>6.0f} {:>7.0f}\n", cell(names[i], name_width),
           cell(r.mixer, mixer_width), r.seed, r.parameters, r.best, r.last, r.train_rate, r.test_rate,
           r.peak_memory / 1e6);
  }
}

}  // namespace

void add_compare(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    bool json = false;
  };
  auto* command = app.add_subcommand("compare", "a table of finished runs: mixer, seed, accuracy, speed, memory");
  auto options = std::make_shared<Options>();
  command->add_option("RUN", options->runs, "run folders; those that are not finished are named and left out")
      ->required();
  command->add_flag("--json", options->json, "print JSON");
  command->footer(R"(Examples:
  spikemix compare runs/*                                  all that are finished
  spikemix compare runs/demo-fft2d runs/demo-ssa --json)");
  command->callback([options] {
    std::vector<ComparedRun> finished;
    for (const std::string& folder : options->runs) {
      ComparedRun run = read_run(folder);
      if (run.skipped.empty()) {
        finished.push_back(std::move(run));
      } else if (options->runs.size() == 1 && !std::filesystem::exists(folder)) {
        throw input_error("{}: {}", folder, run.skipped);
      } else {
        say("{}: skipped: {}", folder, run.skipped);
      }
    }
    if (finished.empty())
      throw input_error("nothing to compare: none of these {} is a finished run", options->runs.size());
    if (options->json) {
      nlohmann::json list = nlohmann::json::array();
      for (ComparedRun& run : finished) list.push_back(std::move(run.summary));
      answer_json(list);
    } else {
      print(finished);
    }
  });
}

}  // namespace spikemix
