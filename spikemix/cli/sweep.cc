// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/comparison.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/sweep_plan.h"
#include "spikemix/cli/sweep_runner.h"
#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

struct SweepOptions {
  std::string file, data, out;
  int64_t jobs = 0, threads = 0;
  bool dry_run = false, json = false, csv = false;
};

// The folder, with the plan in it, compared with what an earlier start left there.
void open_folder(const fs::path& folder, const SweepPlan& plan) {
  const nlohmann::json now = to_json(plan);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_file_error(folder.string(), error.value());
  const fs::path record = folder / "sweep.json";
  if (fs::exists(record)) {
    const std::string where = record.string();
    for (const std::string& name :
         runs_no_longer_asked_for(now, parse_json(read_file(record), where + ":"), folder, where))
      say("{}: {} is not in the sweep any more: left out", folder.string(), name);
  }
  write_file_atomically(record, json_text(now, 2) + "\n");
}

void list_runs(const SweepPlan& plan) {
  for (const SweepRun& run : plan.runs)
    answer("{}  {}\n", run.name, fmt::format("{} train.seed={}", fmt::join(run.settings, " "), run.seed));
}

// For the finished runs, whatever happened to the others.
void tell_results(const SweepPlan& plan, const fs::path& folder, const SweepOutcome& outcome,
                  const SweepOptions& options) {
  std::vector<ComparedRun> runs;
  nlohmann::json missing = nlohmann::json::array();
  for (const SweepRun& run : plan.runs) {
    const std::string path = (folder / run.name).string();
    ComparedRun read =
        fs::exists(path) ? read_compared_run(path) : ComparedRun{.folder = path, .skipped = "never began"};
    if (read.skipped.empty()) {
      runs.push_back(std::move(read));
      continue;
    }
    missing.push_back({{"run", path}, {"why", read.skipped}});
    say("{}: not in the table: {}", path, read.skipped);
  }
  for (const auto& [name, why] : outcome.failed) {
    for (auto& entry : missing) {
      if (entry["run"] == (folder / name).string()) entry["why"] = why;
    }
  }
  if (runs.empty()) throw run_error("{}: none of the {} runs is finished", folder.string(), plan.runs.size());
  const Comparison comparison = compare_groups(runs, plan.baseline);
  if (options.csv) return answer_text(csv_of(comparison));
  if (options.json) {
    nlohmann::json document = comparison.to_json();
    document["folder"] = folder.string(), document["missing"] = missing;
    return answer_json(document);
  }
  print_runs(runs);
  print_comparison(comparison);
  if (!missing.empty()) answer("{} of {} runs are missing above.\n", missing.size(), plan.runs.size());
}

void sweep(const SweepOptions& options) {
  const SweepPlan plan = read_sweep(options.file, options.data);
  if (options.dry_run) return list_runs(plan);
  const fs::path folder = options.out.empty() ? fs::path("runs") / plan.name : fs::path(options.out);
  for (const SweepRun& run : plan.runs) check_run_folder(folder.string(), run.data.dir, "config.json");
  open_folder(folder, plan);
  const int64_t jobs = options.jobs > 0 ? options.jobs : plan.jobs;
  const int64_t threads = options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  const SweepOutcome outcome = run_sweep(plan, folder, jobs, threads);
  if (outcome.stopped) {
    say("stopped: {} of {} runs done; the same command continues", outcome.done, plan.runs.size());
    throw Exit{kInterrupted};
  }
  tell_results(plan, folder, outcome, options);
  if (outcome.done < int64_t(plan.runs.size())) throw Exit{kFailed};
}

}  // namespace

void add_sweep(CLI::App& app) {
  auto* command = app.add_subcommand(
      "sweep", "train settings x mixers x seeds and compare them in pairs; started again after a kill, it continues");
  auto options = std::make_shared<SweepOptions>();
  command->footer(R"(Examples:
  spikemix sweep mixers.toml                               trains what is not done yet, then compares
  spikemix sweep mixers.toml --data cifar-10-binary.tar.gz
  spikemix sweep mixers.toml --dry-run                     the runs that it asks for
  spikemix sweep mixers.toml --jobs 2 --json
A sweep's file:
  recipe = "cifar10-small"
  data = "cifar-10-binary.tar.gz"   or --data, which overrides it
  overrides = ["train.epochs=4"]
  seeds = 8                         or a list: [0, 1, 2]
  baseline = "model.mixer=ssa"      each is compared with the one that has this and shares its other
                                    settings; the first of the grid if not given
  [grid]
  "model.mixer" = ["ssa", "fft2d", "wt2d"]
  "model.T" = [2, 4])");
  command->add_option("SWEEP", options->file, "a .toml file: recipe, data, overrides, seeds, jobs, baseline, [grid]")
      ->required();
  command->add_option("--data", options->data, "data set: a folder or archive; overrides the file's data");
  command->add_option("--out", options->out, "folder for the runs; runs/<the sweep's name> if not given");
  command->add_option("--jobs", options->jobs, "runs at a time, which share the threads (jobs)")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--threads", options->threads,
                   "compute threads of all runs together; one for each core if not given")
      ->check(CLI::Range(1, 1024));
  command->add_flag("--dry-run", options->dry_run, "list the runs, train nothing");
  auto* json = command->add_flag("--json", options->json, "print the comparison as JSON");
  command->add_flag("--csv", options->csv, "print a line for each run")->excludes(json);
  command->callback([options] { sweep(*options); });
}

}  // namespace spikemix
