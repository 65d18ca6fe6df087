#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/core/error.h"
#include "spikemix/core/model_card.h"
#include "spikemix/core/problems.h"
#include "spikemix/core/pth.h"
#include "spikemix/core/safetensors.h"
#include "spikemix/mixers/tensor_list.h"

namespace spikemix {
namespace {

// All that is wrong between the file and the config, in one error.
void check(const std::vector<TensorSpec>& expected, const std::map<std::string, TensorView>& found,
           const std::string& file) {
  std::vector<std::string> wrong;
  for (const TensorSpec& spec : expected) {
    const auto tensor = found.find(spec.name);
    if (tensor == found.end()) {
      wrong.push_back(fmt::format("'{}' is missing", spec.name));
    } else if (tensor->second.shape != spec.shape) {
      wrong.push_back(fmt::format("'{}' is [{}], expected [{}]", spec.name, fmt::join(tensor->second.shape, ", "),
                                  fmt::join(spec.shape, ", ")));
    }
  }
  for (const auto& [name, tensor] : found) {
    const bool known =
        std::any_of(expected.begin(), expected.end(), [&](const auto& spec) { return spec.name == name; });
    if (!known) wrong.push_back(fmt::format("'{}' is unknown", name));
  }
  if (!wrong.empty()) {
    throw input_error("{}: does not fit the recipe: {} (another recipe or key=value?)", file, list_of(wrong));
  }
}

}  // namespace

void add_import(CLI::App& app) {
  struct Options {
    std::string file, recipe = "cifar10", out = "model.safetensors";
    std::vector<std::string> overrides;
  };
  auto* command = app.add_subcommand("import", "turn a published Spikformer checkpoint (.pth) into model.safetensors");
  command->footer(R"(Examples:
  spikemix import cifar10.pth.tar -o cifar10.safetensors
  spikemix import mine.pth --recipe cifar10 model.depth=2 model.embed_dim=256)");
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "a .pth or .pth.tar that torch.save wrote")->required();
  command->add_option("key=value", options->overrides, "settings over the recipe's, as in model.depth=2");
  command->add_option("--recipe", options->recipe, "recipe that says the model's shape; its mixer becomes ssa");
  command->add_option("-o,--out", options->out, "file to write");
  command->callback([options] {
    Config config = load_recipe(options->recipe, {"model.mixer=ssa"});
    for (const std::string& key_value : options->overrides) apply_override(config, key_value);
    validate(config);
    const PthFile file = PthFile::open(options->file);
    std::map<std::string, TensorView> found;
    std::vector<std::string> unused;
    for (const NamedTensor& tensor : file.tensors()) {
      if (is_published_but_unused(tensor.name)) {
        unused.push_back(tensor.name);
      } else {
        found[tensor.name] = tensor.tensor;
      }
    }
    const std::vector<TensorSpec> expected = tensor_list(config.model, config.neuron);
    check(expected, found, options->file);

    ModelCard card;
    card.name = config.name, card.model = config.model, card.neuron = config.neuron;
    card.mean = config.data.mean, card.std = config.data.std;
    card.training = {{"imported", options->file}};
    std::vector<NamedTensor> tensors;
    for (const TensorSpec& spec : expected) tensors.push_back({spec.name, found.at(spec.name)});
    write_safetensors(options->out, tensors, {{"format", "pt"}, {"spikemix", card.to_text()}});
    fmt::print("{}: {} tensors, {} parameters\n", options->out, tensors.size(), learned_values(expected));
    if (!unused.empty()) fmt::print("skipped, read by no computation: {}\n", fmt::join(unused, ", "));
  });
}

}  // namespace spikemix
