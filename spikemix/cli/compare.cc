// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/comparison.h"
#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

// The finished ones; the others are named.
std::vector<ComparedRun> read_finished(const std::vector<std::string>& folders) {
  std::vector<ComparedRun> finished;
  for (const std::string& folder : folders) {
    ComparedRun run = read_compared_run(folder);
    if (run.skipped.empty()) {
      finished.push_back(std::move(run));
    } else if (folders.size() == 1 && !std::filesystem::exists(folder)) {
      throw input_error("{}: {}", folder, run.skipped);
    } else {
      say("{}: skipped: {}", folder, run.skipped);
    }
  }
  if (finished.empty()) throw input_error("nothing to compare: none of these {} is a finished run", folders.size());
  return finished;
}

}  // namespace

void add_compare(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    std::string baseline;
    bool json = false, csv = false;
  };
  auto* command = app.add_subcommand(
      "compare",
      "a table of finished runs (mixer, seed, accuracy, speed, memory), and groups over seeds compared in pairs");
  auto options = std::make_shared<Options>();
  command->add_option("RUN", options->runs, "run folders; those that are not finished are named and left out")
      ->required();
  command->add_option(
      "--baseline", options->baseline,
      "settings of the group that the others are compared with, as in model.mixer=ssa; if it fits several groups, each "
      "other group is compared with the one that shares its other settings; the first run's if not given");
  auto* json = command->add_flag("--json", options->json, "print JSON");
  command->add_flag("--csv", options->csv, "print a line for each run, with its group")->excludes(json);
  command->footer(R"(Examples:
  spikemix compare runs/*                                  all that are finished
  spikemix compare runs/demo-fft2d runs/demo-ssa --json
  spikemix compare runs/* --baseline model.mixer=ssa       runs of several seeds: means, intervals, p)");
  command->callback([options] {
    const std::vector<ComparedRun> runs = read_finished(options->runs);
    const Comparison comparison = compare_groups(runs, {.settings = options->baseline});
    for (const std::string& left_out : comparison.left_out) say("{}: counted only once in the means", left_out);
    if (options->csv) {
      if (!comparison.other_training_data.empty()) say("{}", comparison.other_training_data);
      return answer_text(csv_of(comparison));
    }
    if (options->json) {
      nlohmann::json document = comparison.to_json();
      document["runs"] = nlohmann::json::array();
      for (const ComparedRun& run : runs) document["runs"].push_back(run.summary);
      return answer_json(document);
    }
    print_runs(runs);
    if (comparison.has_seeds()) return print_comparison(comparison);
    print_images(comparison);
    for (const std::string& note : {comparison.images_missing(), comparison.other_training_data})
      if (!note.empty()) say("{}", note);
  });
}

}  // namespace spikemix
