// SPDX-License-Identifier: MIT
#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/model_data.h"
#include "spikemix/cli/options.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/runner.h"
#include "spikemix/cli/talk.h"
#include "spikemix/count/energy.h"
#include "spikemix/count/operations.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/subset.h"
#include "spikemix/engine/session.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

struct CountOptions {
  std::string model, data, format = "auto", precision, table, csv;
  std::vector<std::string> overrides;
  SensorFlags sensor;
  int64_t images = 0, skip_bad = -1, threads = 0;
  bool json = false;
};

/// A field of the answer: its name in JSON and CSV.
struct Figure {
  const char* key;
  double LayerOperations::*value;
};
constexpr Figure kFigures[] = {{"dense", &LayerOperations::dense},
                               {"dense_padded", &LayerOperations::dense_padded},
                               {"density", &LayerOperations::density},
                               {"mean", &LayerOperations::mean},
                               {"additions", &LayerOperations::additions},
                               {"count_once", &LayerOperations::count_once},
                               {"count_by_value", &LayerOperations::count_by_value},
                               {"count_by_bits", &LayerOperations::count_by_bits},
                               {"multiply_adds", &LayerOperations::multiply_adds},
                               {"mixer_additions", &LayerOperations::mixer_additions},
                               {"mixer_multiplications", &LayerOperations::mixer_multiplications},
                               {"attention_qk_first", &LayerOperations::attention_qk_first},
                               {"attention_kv_first", &LayerOperations::attention_kv_first},
                               {"neurons", &LayerOperations::neurons},
                               {"norm_multiply_adds", &LayerOperations::norm_multiply_adds},
                               {"comparisons", &LayerOperations::comparisons},
                               {"residual_additions", &LayerOperations::residual_additions},
                               {"real_additions", &LayerOperations::real_additions},
                               {"bytes", &LayerOperations::bytes}};

struct Counted {
  ModelConfig model;
  Plan plan;
  std::string name, precision = "fp32", data = {};
  int64_t images = 0;
  std::vector<LayerOperations> layers = {};
};

double weight_bytes(Precision precision) {
  return precision == Precision::kInt8 ? 1 : precision == Precision::kInt16 ? 2 : 4;
}

// Runs the model on the test images; each thread has a session and a share of the images.
Counted count_model(const CountOptions& o, const CLI::App& command) {
  RunnerOptions runner;
  runner.model = o.model, runner.precision = o.precision;
  const std::shared_ptr<const Network> network = load_network_of(runner);
  Counted result{.model = network->card.model,
                 .plan = make_plan(network->card.model, network->card.neuron),
                 .name = o.model,
                 .precision = name_of(network->precision)};
  DataConfig source = data_of_model(o.model, o.data, o.format, o.skip_bad);
  o.sensor.apply(source);
  if (!network->card.model.takes_events())
    refuse_without_effect(command, {"--size", "--time-unit"}, "a model of images");
  std::shared_ptr<const Dataset> data = open_and_tell(source, Split::kTest);
  check_classes(network->card, *data, o.model, source.dir);
  data = subset(data, o.images > 0 ? o.images : std::min<int64_t>(1000, data->size()), "--images");
  note_other_sensor(network->card, *data);
  result.data = source.dir;

  OperationCounter counter(result.plan, weight_bytes(network->precision));
  Session session(network, {.threads = thread_count(o.threads)});
  const auto see = [&](const std::string& layer, int64_t T, int64_t rows, int64_t channels, const auto* spikes) {
    counter.see(layer, T, rows, channels, spikes);
  };
  session.set_observer(see, {}, see, see);
  Loader loader(data, test_loader_options(network->card, 1, 1));
  loader.start_epoch(0);
  std::vector<float> logits(size_t(network->card.model.classes));
  for (Batch batch; loader.next(batch);) {
    counter.begin_image(batch.images.data());
    session.infer(1, batch.images.data(), logits.data());
    counter.end_image();
  }
  result.images = counter.images(), result.layers = counter.layers();
  return result;
}

Counted count_recipe(const CountOptions& o, const CLI::App& command) {
  if (!o.data.empty() || !o.precision.empty())
    throw input_error("--{}: recipe '{}' has no weights to run; train it and count the run",
                      o.data.empty() ? "precision" : "data", o.model);
  refuse_without_effect(command, {"--size", "--time-unit", "--images", "--skip-bad"}, "a recipe, which is not run");
  const Config config = load_recipe(o.model, o.overrides);
  validate(config);
  Counted result{.model = config.model, .plan = {}, .name = config.name};
  if (result.model.classes == 0) result.model.classes = 10;
  result.plan = make_plan(result.model, config.neuron);
  result.layers = dense_operations(result.plan, 4);
  return result;
}

std::vector<EnergyTable> tables_of(const CountOptions& o) {
  std::vector<EnergyTable> tables = energy_tables();
  if (!o.table.empty()) tables.push_back(read_energy_table(o.table));
  return tables;
}

double energy_of(const std::vector<LayerOperations>& layers, const EnergyTable& table) {
  double sum = 0;
  for (const LayerOperations& layer : layers) sum += energy(layer, table);
  return sum;
}

nlohmann::json to_json(const LayerOperations& layer) {
  nlohmann::json json = {{"name", layer.name}, {"kind", layer.kind}, {"silent", layer.silent}};
  for (const Figure& figure : kFigures) json[figure.key] = layer.*figure.value;
  return json;
}

nlohmann::json to_json(const Counted& c, const std::vector<EnergyTable>& tables) {
  nlohmann::json json = {{"model", c.name}, {"precision", c.precision}, {"data", c.data}, {"images", c.images}};
  json["layers"] = nlohmann::json::array();
  for (const LayerOperations& layer : c.layers) json["layers"].push_back(to_json(layer));
  json["total"] = to_json(total_of(c.layers));
  if (c.images > 0) {
    for (const EnergyTable& table : tables) json["energy"][table.name] = energy_of(c.layers, table);
    const AsPublished papers = as_published(c.plan, c.layers);
    json["as_published"] = {{"sops", papers.sops}, {"energy_mj", papers.energy_mj}};
  }
  const DenseTwin twin = dense_twin(c.plan, c.layers);
  for (const EnergyTable& table : tables) json["relu_int8"][table.name] = energy(twin, table);
  const PublishedRow* row = published_row(c.model);
  json["published"] = row ? nlohmann::json{{"data", row->data},
                                           {"mixer", row->mixer},
                                           {"gops", row->gops},
                                           {"energy_mj", row->energy_mj}}
                          : nlohmann::json();
  return json;
}

std::string csv_heading() {
  std::string text = "name,kind";
  for (const Figure& figure : kFigures) text += fmt::format(",{}", figure.key);
  return text + '\n';
}

void write_csv(const Counted& c, const std::string& file) {
  std::string text = csv_heading();
  std::vector<LayerOperations> rows = c.layers;
  rows.push_back(total_of(c.layers));
  for (const LayerOperations& row : rows) {
    text += row.name + "," + row.kind;
    for (const Figure& figure : kFigures) text += fmt::format(",{}", row.*figure.value);
    text += '\n';
  }
  write_file_atomically(file, text);
}

void print_layer(const LayerOperations& o, bool with_spikes) {
  const auto millions = [](double n) { return n == 0 ? std::string("-") : fmt::format("{:.3f}", n / 1e6); };
  const bool whole = with_spikes && o.dense > 0 && o.kind != "head";
  const double counts = o.count_by_bits;
  answer("{:<32} {:>10} {:>8} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}{}\n", o.name, millions(o.dense),
         whole ? fmt::format("{:.2f} %", 100 * o.density) : "", whole ? fmt::format("{:.3f}", o.mean) : "",
         millions(o.additions), millions(counts), millions(o.multiply_adds),
         millions(o.mixer_additions + o.mixer_multiplications + o.attention_kv_first), millions(o.neurons),
         o.silent ? "  silent" : "");
}

void print_energy(const Counted& c, const std::vector<EnergyTable>& tables, const LayerOperations& total) {
  answer(
      "\nEnergy of one image in mJ, with {:.2f} % of the inputs not zero, and of its dense twin: the same layers with "
      "ReLU and one step (one would deploy its int8 row; each row prices both by the same table):\n",
      100 * total.density);
  const DenseTwin twin = dense_twin(c.plan, c.layers);
  for (const EnergyTable& table : tables) {
    answer("  {:<26} {:>10.4f} {:>10.4f}   {}\n", table.name, energy_of(c.layers, table), energy(twin, table),
           table.source);
  }
  const AsPublished papers = as_published(c.plan, c.layers);
  answer(
      "\nAs the papers count (rate x T x padded FLOPs; 4.6 pJ in the first layer, 0.9 pJ elsewhere): {:.4g} G SOPs, "
      "{:.4f} mJ\n",
      papers.sops / 1e9, papers.energy_mj);
  if (const PublishedRow* row = published_row(c.model)) {
    answer(
        "Published for {} with {}: {} G OPs, {} mJ. That row contradicts the papers' own formula: {} G times 0.9 pJ "
        "alone is {:.3f} mJ. Compare ratios of rows, not their size.\n",
        row->data, row->mixer, row->gops, row->energy_mj, row->gops, 0.9 * row->gops);
  }
}

void print(const Counted& c, const std::vector<EnergyTable>& tables) {
  const LayerOperations total = total_of(c.layers);
  if (c.images > 0) {
    answer("{}, {}, {} images of {}: means of one image, all {} steps, in millions\n\n", c.name, c.precision, c.images,
           c.data, c.plan.T);
  } else {
    answer(
        "recipe {}: dense figures of one image, all {} steps, in millions; a trained model and --data give the "
        "rest\n\n",
        c.name, c.plan.T);
  }
  answer("{:<32} {:>10} {:>8} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "layer", "dense", "density", "mean", "additions",
         "of counts", "MACs", "mixing", "neurons");
  for (const LayerOperations& layer : c.layers) print_layer(layer, c.images > 0);
  print_layer(total, c.images > 0);
  if (c.images > 0) {
    answer(
        "\nInputs above 1 {:.3f} M times a fan-out: {:.3f} M multiply-adds by a small number, {:.3f} M additions by "
        "value, {:.3f} M by bit planes, as the engine adds.\n",
        total.count_once / 1e6, total.count_once / 1e6, total.count_by_value / 1e6, total.count_by_bits / 1e6);
    if (total.attention_kv_first > 0) {
      answer("Attention: {:.3f} M additions as (q k') v, {:.3f} M as q (k' v), as the engine runs it.\n",
             total.attention_qk_first / 1e6, total.attention_kv_first / 1e6);
    }
    answer(
        "Norms {:.3f} M multiply-adds, residual sums {:.3f} M, pools {:.3f} M comparisons, other sums of real values "
        "{:.3f} M, {:.2f} MB moved.\n",
        total.norm_multiply_adds / 1e6, total.residual_additions / 1e6, total.comparisons / 1e6,
        total.real_additions / 1e6, total.bytes / 1e6);
    print_energy(c, tables, total);
  } else if (std::ranges::any_of(c.layers, [](const LayerOperations& o) { return o.kind == "attention"; })) {
    answer("\nThe products of attention depend on the spikes: a trained model and --data count them.\n");
  }
}

void run(const CountOptions& o, const CLI::App& command) {
  check_outputs({{"--csv", o.csv, OutputKind::kTable, csv_heading()}}, {o.model, o.data, o.table});
  const std::vector<EnergyTable> tables = tables_of(o);
  const bool model = is_builtin(o.model) || o.model.ends_with(".safetensors") || std::filesystem::is_directory(o.model);
  if (model && !o.overrides.empty()) throw input_error("'{}': key=value changes a recipe, not a model", o.overrides[0]);
  const Counted counted = model ? count_model(o, command) : count_recipe(o, command);
  if (!o.csv.empty()) write_csv(counted, o.csv);
  if (o.json) {
    answer_json(to_json(counted, tables));
  } else {
    print(counted, tables);
  }
}

}  // namespace

void add_count(CLI::App& app) {
  auto* command = app.add_subcommand("count", "operations and energy of a model, from the spikes that it makes");
  command->footer(R"(Examples:
  spikemix count runs/cifar10-small
  spikemix count small.safetensors --data cifar-10-binary.tar.gz --images 200 --json
  spikemix count runs/cifar10-small --table mychip.toml   your own picojoules
  spikemix count cifar10 model.mixer=ssa                  dense figures of a recipe)");
  auto options = std::make_shared<CountOptions>();
  command->add_option("MODEL", options->model, fmt::format("{}; or a recipe", kModelHelp))->required();
  command->add_option("key=value", options->overrides, "settings that override the recipe's");
  command->add_option("--data", options->data, "test images to count on; a run folder's own if not given");
  command->add_option("--format", options->format, "format of the data (see `spikemix data formats`)");
  options->sensor.add_to(*command);
  command
      ->add_option("--images", options->images,
                   "how many test images or recordings, spread over the classes; 1000, or all if there are fewer")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--skip-bad", options->skip_bad,
                   "leave out up to this many damaged files; a run folder's own data.skip_bad if not given")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--precision", options->precision, "fp32, int16 or int8; a file of integers says its own");
  command->add_option("--threads", options->threads, "compute threads; 0: one for each core")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--table", options->table,
                      "TOML with name, and picojoules of real_multiply, real_add, multiply, add and a byte");
  command->add_option("--csv", options->csv, "write the table to this file");
  command->add_flag("--json", options->json, "print JSON");
  need_beside(*command, {"--format"}, "--data");  // a run's own data have their format
  command->callback([options, command] { run(*options, *command); });
}

}  // namespace spikemix
