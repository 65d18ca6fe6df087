// SPDX-License-Identifier: MIT
#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/baseline.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/run_name.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/train/find_batch.h"
#include "spikemix/cli/train/profile.h"
#include "spikemix/cli/train/progress.h"
#include "spikemix/config/validate.h"
#include "spikemix/train/trainer.h"

namespace spikemix {
namespace {

std::atomic<bool> interrupted = false;

// The first Ctrl-C requests a checkpoint and the end; the second one ends at once (an earlier checkpoint is intact).
void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

// Ctrl-C while pictures are decoded: there is no run yet, and nothing is left behind.
OpenListener opening() {
  OpenListener listener = opening_printer();
  listener.progress = [print = listener.progress](int64_t done, int64_t total) {
    print(done, total);
    if (interrupted) throw Exit{kInterrupted};
  };
  return listener;
}

// Trains by calling `work`, with a progress bar, and reports how it ended. Only the first rank prints. `note` is
// printed after the run folder at the start.
template <class Work>
void run_training(const std::string& run, const std::string& title, const std::string& note, bool json, Work&& work) {
  const Launch launch = read_launch();
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  // The terminal is gone: the same, unless it was started to ignore that (nohup).
  if (std::signal(SIGHUP, on_interrupt) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  ProgressPrinter printer(title);
  TrainListener listener{
      .on_step = {}, .on_epoch = {}, .should_stop = [] { return interrupted.load(); }, .on_open = {}};
  if (launch.leads()) {
    listener.on_open = opening();
    listener.on_begin = [&](const Conditions& c) {
      say_text(printable(fmt::format("run folder: {}{}", run, note)) + "\n");
      printer.begin(c);
    };
    listener.on_step = [&](const Progress& p) { printer.step(p); };
    listener.on_test = [&](int64_t done, int64_t images) { printer.test(done, images); };
    listener.on_epoch = [&](const EpochResult& r) { printer.epoch(r); };
  }
  const TrainOutcome outcome = work(listener, launch);
  if (!launch.leads()) {
    if (outcome == TrainOutcome::kStopped) throw Exit{kInterrupted};
    return;
  }
  if (outcome == TrainOutcome::kStopped) {
    printer.clear();
    say("stopped and saved; go on with: spikemix resume {}", run);
    throw Exit{kInterrupted};
  }
  const std::filesystem::path file = std::filesystem::path(run) / "summary.json";
  nlohmann::json summary = parse_json(read_file(file), file.string() + ":");
  summary["run"] = run;
  if (json) {
    answer_json(summary);
  } else {
    // With validation images the chosen epoch is not the best one on the test images.
    const bool validated = summary["best_on"] == "validation";
    report(
        "{}: {}test top-1 {:.2f} % (epoch {}{}), last {:.2f} %, {:.0f} img/s, {} in all\n", run,
        validated ? "" : "best ", summary["best_top1"].get<double>(), summary["best_epoch"].get<int>() + 1,
        validated ? fmt::format(", chosen on {} validation images", summary["validation_images"].get<int64_t>()) : "",
        summary["last_top1"].get<double>(), summary["train_images_per_second"].get<double>(),
        duration(summary["train_seconds"].get<double>() + summary["test_seconds"].get<double>()));
    flush_answer();
    say_text(
        fmt::format("next:\n"
                    "  spikemix eval {0} --confusion\n"
                    "  spikemix predict --model {0}\n",
                    printable(run)));
  }
}

// The folder of a training without --out: runs/NAME, or the first free one of runs/NAME-2, -3, ...
struct NewRun {
  std::string folder, note;  // about the run before it
};

NewRun new_run(const std::string& name) {
  if (name.find('/') != name.npos || name == "." || name == "..")
    throw input_error("name = '{}': expected a name that a folder in runs/ can have; or give --out", name);
  NewRun run{.folder = "runs/" + name, .note = {}};
  std::string before;
  for (int i = 2; std::filesystem::exists(run.folder); ++i) {
    before = std::exchange(run.folder, fmt::format("runs/{}-{}", name, i));
  }
  if (!before.empty()) {
    const bool done = std::filesystem::exists(before + "/summary.json");
    run.note = fmt::format(" ({} holds an earlier run{})", before,
                           done ? "" : fmt::format("; `spikemix resume {}` goes on with that", before));
  }
  return run;
}

// A flag sets a key, and a key=value the same one to another value: neither may win in silence.
// @param value  the flag's; "" if it was not given
void check_one_of_them(const std::string& flag, const std::string& value, const std::string& key,
                       const std::vector<std::string>& overrides) {
  if (value.empty()) return;
  for (const std::string& setting : overrides) {
    if (setting.starts_with(key + "=") && !same_value(setting.substr(key.size() + 1), value))
      throw input_error("{} {} and {}: expected one of them; leave one out", flag, value, setting);
  }
}

// The value of a flag that is negative where it was not given.
std::string given(int64_t value) { return value < 0 ? "" : fmt::to_string(value); }

}  // namespace

void add_train(CLI::App& app) {
  struct Options {
    std::string recipe, data, out, device;
    std::vector<std::string> overrides;
    SensorFlags sensor;
    int64_t threads = -1, seed = -1;
    double memory = 0;  // bytes
    bool profile = false, find_batch = false, json = false, of_sweep = false;
  };
  auto* command = app.add_subcommand("train", "train a model from a recipe, in a new run folder");
  command->footer(R"(Examples:
  spikemix train demo --data /usr/share/datasets/fashion-mnist              clothes, in minutes
  spikemix train cifar10-small --data cifar-10-binary.tar.gz model.mixer=wt2d --seed 1
  spikemix train cifar10-small --data pictures model.classes=0 --out runs/pictures
  spikemix train cifar10-small --data cifar-10-binary.tar.gz data.validation=0.1    chosen on images of its own
  spikemix train cifar10-cpu --data pictures model.classes=0 train.init=builtin train.epochs=5    fine-tuning
  spikemix train cifar10-small --data cifar-10-binary.tar.gz --profile      where the time goes)");
  auto options = std::make_shared<Options>();
  command->add_option("RECIPE", options->recipe, "a name of `spikemix recipes`, or a .toml file")->required();
  command->add_option("key=value", options->overrides,
                      "settings that override the recipe's, as in model.mixer=wt2d train.lr=1e-3");
  command->add_option("--data", options->data, "data set: a folder or archive (data.dir)");
  options->sensor.add_to(*command);
  command->add_option("--out", options->out, "run folder; runs/<recipe's name> if not given");
  command->add_option("--threads", options->threads, "compute threads (train.threads)")->check(CLI::NonNegativeNumber);
  command->add_option("--device", options->device, "cpu, cuda or cuda:N (train.device)");
  command->add_option("--seed", options->seed, "random seed (train.seed)")->check(CLI::NonNegativeNumber);
  auto* profile = command->add_flag("--profile", options->profile,
                                    "train a few steps, keep nothing, and print where their time goes, layer by layer");
  auto* find = command->add_flag("--find-batch", options->find_batch,
                                 "try growing batches, keep nothing, and print the largest that fits in --memory");
  find->excludes(profile);
  command
      ->add_option("--memory", options->memory, "budget of --find-batch, as in 8GB; 9/10 of what is free if not given")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}},
                                        CLI::AsNumberWithUnit::CASE_INSENSITIVE))
      ->check(CLI::PositiveNumber)
      ->needs(find);
  command->add_flag("--json", options->json, "print the run's summary (or the profile, or the batches) as JSON");
  command->add_flag("--of-sweep", options->of_sweep, "its settings were checked with those of the other runs")
      ->group("");
  command->callback([options] {
    Config config = load_recipe(options->recipe, options->overrides);
    // A sweep has checked its own.
    const auto check_flag = [&](const char* flag, const std::string& value, const char* key) {
      if (!options->of_sweep) check_one_of_them(flag, value, key, options->overrides);
    };
    check_flag("--data", options->data, "data.dir");
    check_flag("--size", options->sensor.size, "data.sensor");
    check_flag("--time-unit", options->sensor.time_unit, "data.time_unit");
    check_flag("--device", options->device, "train.device");
    check_flag("--threads", given(options->threads), "train.threads");
    check_flag("--seed", given(options->seed), "train.seed");
    if (!options->data.empty()) config.data.dir = options->data;
    options->sensor.apply(config.data);
    if (!options->device.empty()) config.train.device = options->device;
    if (options->threads >= 0) config.train.threads = options->threads;
    if (options->seed >= 0) config.train.seed = options->seed;
    validate(config);
    std::vector<std::string> named = options->overrides;
    if (!options->sensor.size.empty()) named.push_back("data.sensor=" + options->sensor.size);
    if (!options->sensor.time_unit.empty()) named.push_back("data.time_unit=" + options->sensor.time_unit);
    if (!options->of_sweep) check_effects(config, named);
    if ((options->profile || options->find_batch) && read_launch().ranks > 1)
      throw input_error("--{}: looks into one process; start it without torchrun or srun",
                        options->profile ? "profile" : "find-batch");
    if (options->profile) return profile_training(config, options->json);
    if (options->find_batch) return find_batch(config, int64_t(options->memory), options->json);
    if (const std::string doubt = doubts(config); !doubt.empty() && read_launch().leads()) say("{}", doubt);
    const NewRun run = options->out.empty() ? new_run(config.name) : NewRun{options->out, ""};
    if (read_launch().leads()) check_run_folder(run.folder, config.data.dir, "sweep.json");
    run_training(run.folder, config.name, run.note, options->json,
                 [&](const TrainListener& listener, const Launch& launch) {
                   return train(config, run.folder, listener, launch, builtin_bytes());
                 });
  });
}

void add_resume(CLI::App& app) {
  struct Options {
    std::string run, data;
    std::vector<std::string> changes;
    int64_t threads = -1;
    bool json = false;
  };
  auto* command = app.add_subcommand(
      "resume",
      "continue an interrupted run, to the same bits as without the interruption, or a finished one for more epochs");
  command->footer(R"(Examples:
  spikemix resume runs/cifar10-small
  spikemix resume runs/cifar10-small train.epochs=12      a finished run goes on to 12 epochs)");
  auto options = std::make_shared<Options>();
  command->add_option("RUN", options->run, "the run folder")->required();
  command->add_option("key=value", options->changes,
                      "train.epochs=N: go on to N epochs in all, with the learning rates of such a run; also "
                      "train.checkpoint_seconds and train.loader_threads");
  command->add_option("--data", options->data, "where the data are now; they must be the same");
  command
      ->add_option("--threads", options->threads,
                   "compute threads from here on; another number than before rounds differently")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--json", options->json, "print the run's summary as JSON");
  command->callback([options] {
    const auto threads = options->threads >= 0 ? std::optional(options->threads) : std::nullopt;
    run_training(options->run, run_name(options->run), "", options->json,
                 [&](const TrainListener& listener, const Launch& launch) {
                   return resume(options->run, listener, launch, threads, options->changes, options->data,
                                 builtin_bytes());
                 });
  });
}

}  // namespace spikemix
