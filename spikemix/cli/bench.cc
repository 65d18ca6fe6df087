// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/base/process_memory.h"
#include "spikemix/cli/bench_input.h"
#include "spikemix/cli/bench_scaling.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/progress.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/torch_half.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/subset.h"
#include "spikemix/engine/session.h"

namespace spikemix {
namespace {

struct BenchOptions {
  RunnerOptions runner;
  InputBenchOptions input;
  ScalingOptions scaling;
  std::string data, format = "auto";
  int64_t batch = 1, images = 1000, skip_bad = -1;
  bool layers = false, train = false, scales = false, json = false;
};

double megabytes(int64_t bytes) { return double(bytes) / (1 << 20); }

// The unit of a model's input.
struct Unit {
  const char *one, *rate;
};
Unit unit_of(const ModelCard& card) {
  return card.model.takes_events() ? Unit{"recording", "recordings/s"} : Unit{"image", "img/s"};
}

// All images are decoded before any clock runs.
std::vector<Batch> load(const BenchOptions& o, const CLI::App& command, const ModelCard& card) {
  DataConfig source = data_of_model(o.runner.model, o.data, o.format, o.skip_bad);
  if (o.data.empty()) refuse_without_effect(command, {"--format"}, "a run's own data (--data names others)");
  if (!card.model.takes_events()) refuse_without_effect(command, {"--size", "--time-unit"}, "a model of images");
  o.input.sensor.apply(source);
  std::shared_ptr<const Dataset> data = open_and_tell(source, Split::kTest);
  data = subset(data, std::min(o.images, data->size()), "--images");
  check_batch(o.batch, data->size());
  note_other_sensor(card, *data);
  Loader loader(data, test_loader_options(card, o.batch, 1));
  loader.start_epoch(0);
  std::vector<Batch> batches;
  for (Batch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

void bench_speed(const BenchOptions& o, const CLI::App& command) {
  const std::vector<Batch> batches = load(o, command, make_runner(o.runner)->card());
  malloc_trim(0);
  forget_peak_memory();
  const int64_t before = memory_in_use();
  const std::unique_ptr<Runner> runner = make_runner(o.runner);
  for (size_t i = 0; i < std::min<size_t>(3, batches.size()); ++i) runner->logits(batches[i]);  // warm-up
  std::vector<double> seconds;
  double images = 0;
  const auto start = Clock::now();
  for (const Batch& batch : batches) {
    const auto begin = Clock::now();
    runner->logits(batch);
    seconds.push_back(seconds_since(begin));
    images += double(batch.size);
  }
  const double rate = images / seconds_since(start);
  std::sort(seconds.begin(), seconds.end());
  const auto quantile = [&](double q) { return 1000 * seconds[size_t(q * double(seconds.size() - 1))]; };
  const int64_t threads = thread_count(o.runner.threads);
  if (o.json) {
    answer_json(nlohmann::json{{"engine", runner->name()},
                               {"batch", batches[0].size},
                               {"threads", threads},
                               {"images", images},
                               {"images_per_second", rate},
                               {"latency_ms_median", quantile(0.5)},
                               {"latency_ms_p99", quantile(0.99)},
                               {"peak_memory_mb", megabytes(peak_memory() - before)}});
  } else {
    answer(
        "{}, batch {}, {} thread{}: {:.1f} {}; a batch takes {:.2f} ms (median), {:.2f} ms (99th percentile of "
        "{}); peak memory of the model and its buffers {:.0f} MB\n",
        runner->name(), batches[0].size, threads, threads == 1 ? "" : "s", rate, unit_of(runner->card()).rate,
        quantile(0.5), quantile(0.99), seconds.size(), megabytes(peak_memory() - before));
  }
}

void bench_layers(const BenchOptions& o, const CLI::App& command) {
  if (o.runner.engine != "spikemix") throw input_error("--layers: only with --engine spikemix");
  Session session(load_network_of(o.runner));
  const std::vector<Batch> batches = load(o, command, session.network().card);
  std::vector<float> logits(size_t(batches[0].size * session.network().card.model.classes));
  session.infer(1, batches[0].images.data(), logits.data());
  session.start_profile();
  double images = 0;
  for (const Batch& batch : batches) {
    session.infer(batch.size, batch.images.data(), logits.data());
    images += double(batch.size);
  }
  const std::vector<LayerProfile> layers = session.profile();
  const double T = double(session.network().card.model.T);
  const Unit unit = unit_of(session.network().card);
  double total = 0;
  for (const LayerProfile& layer : layers) total += layer.seconds;

  nlohmann::json list = nlohmann::json::array();
  if (!o.json)
    answer("{:<26} {:>12} {:>7} {:>9} {:>9} {:>8}  {}\n", "layer", fmt::format("us/{}", unit.one), "share", "spikes",
           "GMAC/s", "Gadd/s", "kernel");
  for (const LayerProfile& layer : layers) {
    const double density = layer.inputs > 0 ? layer.additions / layer.inputs : 0;
    const double macs = layer.dense_macs * T * images / layer.seconds / 1e9;
    list.push_back({{"layer", layer.name},
                    {"kernel", layer.kernel},
                    {"seconds_per_image", layer.seconds / images},
                    {"density", density},
                    {"dense_gmac_per_second", macs},
                    {"gigaadds_per_second", macs * density}});
    if (o.json) continue;
    const bool product = layer.dense_macs > 0;
    answer("{:<26} {:>12.1f} {:>5.1f} % {:>9} {:>9} {:>8}  {}\n", layer.name, 1e6 * layer.seconds / images,
           100 * layer.seconds / total, product ? fmt::format("{:.1f} %", 100 * density) : "",
           product ? fmt::format("{:.0f}", macs) : "", product ? fmt::format("{:.1f}", macs * density) : "",
           layer.kernel);
  }
  if (o.json)
    answer_json(list);
  else
    answer("{:<26} {:>12.1f} {:>7} {:>9} {:>9} {:>8}  {:.1f} {}, one thread\n", "all", 1e6 * total / images, "", "", "",
           "", images / total, unit.rate);
}

// The training half makes the table of a training step.
void bench_training(const BenchOptions& o, const CLI::App& command) {
  if (!is_recipe(o.runner.model)) throw input_error("--train: takes a recipe, found '{}'", o.runner.model);
  refuse_without_effect(command, {"--images", "--batch", "--skip-bad", "--engine", "--precision", "--device"},
                        "--train");
  std::vector<std::string> arguments = {"train", o.runner.model, "--profile"};
  arguments.insert(arguments.end(), o.input.overrides.begin(), o.input.overrides.end());
  if (!o.data.empty()) arguments.insert(arguments.end(), {"--data", o.data});
  if (o.format != "auto") arguments.push_back("data.format=" + o.format);
  if (!o.input.sensor.size.empty()) arguments.insert(arguments.end(), {"--size", o.input.sensor.size});
  if (!o.input.sensor.time_unit.empty()) arguments.insert(arguments.end(), {"--time-unit", o.input.sensor.time_unit});
  if (o.runner.threads != 0) arguments.insert(arguments.end(), {"--threads", std::to_string(o.runner.threads)});
  if (o.json) arguments.push_back("--json");
  go_on_with_torch(std::move(arguments));
}

void bench_growth(BenchOptions& o, const CLI::App& command) {
  refuse_without_effect(
      command, {"--images", "--batch", "--skip-bad", "--format", "--size", "--time-unit", "--layers", "--device"},
      "--scaling");
  if (!o.data.empty()) throw input_error("--data: not with --scaling, which draws its inputs at random");
  if (o.runner.engine != "spikemix") throw input_error("--scaling: only --engine spikemix is measured");
  o.scaling.recipe = o.runner.model, o.scaling.overrides = o.input.overrides, o.scaling.json = o.json;
  o.scaling.precision = o.runner.precision, o.scaling.threads = thread_count(o.runner.threads);
  bench_scaling(o.scaling);
}

// A recipe, or no name at all, has no weights to run, so only the input can be timed.
bool is_model(const BenchOptions& o) {
  if (o.layers || o.data.empty()) return true;
  return !o.runner.model.empty() && !is_recipe(o.runner.model);
}

void bench(BenchOptions& o, const CLI::App& command) {
  // `bench --data DIR key=value`: CLI11 takes key=value as the MODEL.
  if (o.runner.model.find('=') != std::string::npos && !std::filesystem::exists(o.runner.model)) {
    o.input.overrides.insert(o.input.overrides.begin(), std::exchange(o.runner.model, ""));
  }
  if (o.train) return bench_training(o, command);
  if (o.scales) return bench_growth(o, command);
  if (!is_model(o)) {
    refuse_without_effect(command, {"--images", "--batch", "--skip-bad", "--engine", "--precision", "--device"},
                          "the input alone; name a model");
    o.input.recipe = o.runner.model, o.input.data = o.data, o.input.format = o.format, o.input.json = o.json;
    o.input.threads = thread_count(o.runner.threads);
    return bench_input(o.input);
  }
  if (!o.input.overrides.empty()) throw input_error("{}: settings go with a recipe, not a model", o.input.overrides[0]);
  o.layers ? bench_layers(o, command) : bench_speed(o, command);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* command = app.add_subcommand(
      "bench",
      "time a model on real images or recordings: speed, latency, memory; with --layers, where the time goes. Without "
      "a model, `bench --data DIR [RECIPE]` times the input pipeline: decoding, augmentation, loader threads; `bench "
      "--scaling [RECIPE]` measures how time and memory grow with the number of tokens");
  command->footer(R"(Examples:
  spikemix bench runs/cifar10-small                       speed, latency, memory
  spikemix bench builtin --data cifar-10-binary.tar.gz --layers
  spikemix bench --data pictures cifar10-small            how fast pictures are read, without a model
  spikemix bench --train cifar10-small --data pictures    where a training spends its time
  spikemix bench --scaling mine.toml --plot scaling.svg   time and memory over the tokens, for your own recipe)");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("MODEL", options->runner.model,
                      fmt::format("{}; or a recipe, whose input is then timed", kModelHelp));
  command->add_option("key=value", options->input.overrides, "settings that override the recipe's");
  command->add_option(
      "--data", options->data,
      "images to time on (speed depends on how much they make the model fire); a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  options->input.sensor.add_to(*command);
  command
      ->add_option("--skip-bad", options->skip_bad,
                   "leave out up to this many damaged files; a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--images", options->images, "how many test images or recordings, spread over the classes")
      ->check(CLI::PositiveNumber);
  command->add_option("--batch", options->batch, "images a batch")->check(batch_bounds());
  command->add_flag(
      "--layers", options->layers,
      "each layer's time, spikes (rows added for each input), kernel, and dense multiply-adds and additions "
      "a second; on one thread");
  command->add_flag("--train", options->train,
                    "where a recipe's training spends its time, layer by layer: `spikemix train RECIPE --profile`");
  CLI::Option* scaling = command->add_flag(
      "--scaling", options->scales,
      "time and memory of mixers, of attention in three orders and of a recipe's whole model over the number of "
      "tokens, each with its exponent; random weights; the published 4-384 if no recipe is named");
  add_scaling_options(*command, scaling, options->scaling);
  add_runner_options(*command, options->runner);
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options, command] { bench(*options, *command); });
}

}  // namespace spikemix
