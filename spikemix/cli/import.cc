// SPDX-License-Identifier: MIT
#include "spikemix/import/import.h"

#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/base/problems.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/output.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/talk.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/model/model.h"

namespace spikemix {
namespace {

ModelCard card_of(const Config& config, const std::string& file, const std::string& size) {
  ModelCard card;
  card.name = config.name, card.model = config.model, card.neuron = config.neuron;
  card.mean = config.data.mean, card.std = config.data.std;
  card.frames.by = config.data.frames, card.frames.values = config.data.frame_values;
  // Published code sums up events at the sensor's own pixels, as many as the model's input has.
  SensorSize sensor = parse_sensor(size, "--size");
  if (!sensor.known()) sensor = {int(config.model.width), int(config.model.height)};
  card.frames.sensor_width = sensor.width, card.frames.sensor_height = sensor.height;
  const nlohmann::json training = {{"imported", file}};
  card.training = json_text(training);
  return card;
}

std::string joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

void tell(const FoundNetwork& network, const WeightsFile& file, const ImportedConfig& imported) {
  if (!imported.read.empty()) report("{}, by its tensors: {}\n", network.family->name, joined(imported.read));
  if (!imported.published.empty())
    report("not in the tensors, taken as published: {}; key=value says otherwise\n", joined(imported.published));
  if (!imported.data_recipe.empty())
    report("mean, std and frames of the data: those of recipe {}\n", imported.data_recipe);
  for (const std::string& note : imported.notes) report("{}\n", note);
  if (!network.unused.empty()) report("skipped, used by no computation: {}\n", joined(network.unused));
  if (network.counters > 0)
    report("skipped: {} counters of profilers and averages (total_ops, ...)\n", network.counters);
  if (!network.elsewhere.empty()) {
    if (network.prefix.empty()) {
      report("skipped, from a weight average: {}\n", list_of(network.elsewhere));
    } else {
      report("skipped, not under '{}': {}\n", network.prefix, list_of(network.elsewhere));
    }
  }
  if (!file.others().empty()) {
    report("taken from {}; --weights takes another: {}\n", file.key().empty() ? "the top" : file.key(),
           joined(file.others()));
  }
}

struct ImportOptions {
  std::string file, recipe, shape, out = "model.safetensors", weights, size;
  std::vector<std::string> overrides;
};

void import_file(const ImportOptions& options) {
  const ImportSettings settings{.recipe = options.recipe,
                                .read_shape = options.shape.empty() ? options.recipe.empty() : options.shape == "auto",
                                .overrides = options.overrides,
                                .load_recipe = load_recipe};
  if (!settings.read_shape && options.recipe.empty()) throw input_error("--shape recipe: needs --recipe");
  check_outputs({{"-o", options.out, OutputKind::kImportedModel}}, {options.file, options.recipe});
  const WeightsFile file = WeightsFile::open(options.file, options.weights);
  const FoundNetwork network = find_network(file);
  const ImportedConfig imported = config_of(network, file, settings);
  validate(imported.config);
  const ModelCard card = card_of(imported.config, options.file, options.size);
  const std::vector<TensorSpec> expected = tensors_of(make_plan(card.model, card.neuron));
  check_tensors(expected, network, file, settings);
  write_imported(options.out, expected, network, file, {{"format", "pt"}, {"spikemix", card.to_text()}});
  report("{}: {} tensors, {} parameters\n", options.out, expected.size(), learned_values(expected));
  tell(network, file, imported);
}

}  // namespace

void add_import(CLI::App& app) {
  auto* command = app.add_subcommand(
      "import", "turn a published Spikformer, Max-Former or QKFormer checkpoint into model.safetensors");
  command->footer(R"(Examples:
  spikemix import cifar10.pth.tar -o cifar10.safetensors
  spikemix import qkformer/                              a folder with model.safetensors or pytorch_model.bin
  spikemix import mine.pth model.heads=8 model.T=6       what the tensors do not hold
  spikemix import mine.pth --recipe mine.toml            the recipe gives the shape)");
  auto options = std::make_shared<ImportOptions>();
  command
      ->add_option("FILE", options->file,
                   "what torch.save wrote (.pth, .pth.tar, .bin), a .safetensors, or a folder with one of them")
      ->required();
  command->add_option("key=value", options->overrides, "settings that the tensors do not hold, as in model.heads=8");
  command->add_option("--recipe", options->recipe,
                      "recipe that gives the model's shape (a Spikformer's mixer becomes ssa) and the data's settings");
  command
      ->add_option("--shape", options->shape,
                   "auto: read from the tensors; recipe: the recipe's; default: auto without --recipe")
      ->check(CLI::IsMember({"auto", "recipe"}));
  command->add_option("--weights", options->weights, "which of the file's state dicts, as in state_dict_ema");
  command->add_option(
      "--size", options->size,
      "for a model of events: WIDTHxHEIGHT of the sensor that it learned from; default: the size of its input");
  command->add_option("-o,--out", options->out, "file to write");
  command->callback([options] { import_file(*options); });
}

}  // namespace spikemix
