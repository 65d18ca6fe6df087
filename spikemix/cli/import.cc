#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/events.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/talk.h"
#include "spikemix/core/error.h"
#include "spikemix/core/floats.h"
#include "spikemix/core/model_card.h"
#include "spikemix/core/model_file.h"
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

// Scalars that profilers (thop) and averages leave in a state dict.
bool is_counter(const std::string& name) {
  const std::string part = name.substr(name.rfind('.') + 1);
  return part == "total_ops" || part == "total_params" || part == "n_averaged" || part == "num_updates";
}

/// Where a larger module holds the model, as "model." of Lightning, and averages of it beside.
struct Prefixes {
  std::string model;                  // stands before the names of the model's tensors
  std::vector<std::string> averages;  // before those of its averages

  bool is_of_model(const std::string& name) const {
    return name.starts_with(model) &&
           std::ranges::none_of(averages, [&](const std::string& average) { return name.starts_with(average); });
  }
};

Prefixes prefixes_of(const std::vector<NamedTensor>& tensors, const std::string& file) {
  constexpr std::string_view kFirst = "patch_embed.proj_conv.weight";
  std::vector<std::string> prefixes;
  for (const NamedTensor& t : tensors) {
    if (t.name.ends_with(kFirst)) prefixes.push_back(t.name.substr(0, t.name.size() - kFirst.size()));
  }
  if (prefixes.size() < 2) return {prefixes.empty() ? "" : prefixes.front(), {}};
  const auto averages = std::ranges::stable_partition(
      prefixes, [](const std::string& prefix) { return prefix.find("ema") == prefix.npos; });
  const auto models = std::ranges::distance(prefixes.begin(), averages.begin());
  if (models != 1)
    throw input_error("{}: holds {} Spikformers, under {}; save one alone", file, prefixes.size(),
                      fmt::join(prefixes, ", "));
  return {prefixes.front(), {averages.begin(), averages.end()}};
}

// The published ImageNet model has linear maps that are convolutions of size 1, without bias for q, k and v.
void refuse_imagenet_variant(const std::map<std::string, TensorView>& found, const ModelConfig& model,
                             const std::string& file) {
  if (model.takes_events() || !found.contains("block.0.mlp.fc1_conv.weight")) return;
  const bool imagenet = found.at("block.0.mlp.fc1_conv.weight").shape.size() == 4;
  throw input_error(
      "{}: its linear maps are convolutions ('block.0.mlp.fc1_conv.weight'), as in the published {}; the variants "
      "taken are those of CIFAR-10 and CIFAR-100, and with model.input=events those of CIFAR10-DVS and DVS128 "
      "Gesture{}",
      file, imagenet ? "ImageNet model" : "models of events",
      imagenet ? "" : " (--recipe cifar10-dvs or dvs128-gesture?)");
}

// Half and double precision as fp32: the type that training and the engine both read.
std::vector<std::byte> in_fp32(const NamedTensor& tensor, const std::string& file) {
  std::vector<float> values = to_floats(tensor.tensor);
  if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
    throw input_error("{}: tensor '{}' holds a value that is no number in fp32", file, tensor.name);
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void add_import(CLI::App& app) {
  struct Options {
    std::string file, recipe = "cifar10", out = "model.safetensors", weights, size;
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
  command->add_option("--weights", options->weights, "which of the file's state dicts, as in state_dict_ema");
  command->add_option("--size", options->size,
                      "of a model of events: WIDTHxHEIGHT of the sensor that it learned from; default: its input's");
  command->add_option("-o,--out", options->out, "file to write");
  command->callback([options] {
    check_model_name(options->out);
    Config config = load_recipe(options->recipe, {"model.mixer=ssa"});
    for (const std::string& key_value : options->overrides) apply_override(config, key_value);
    validate(config);
    const PthFile file = PthFile::open(options->file, options->weights);
    const Prefixes prefixes = prefixes_of(file.tensors(), options->file);
    std::map<std::string, TensorView> found;
    std::vector<std::string> unused, elsewhere;
    int64_t counters = 0;
    for (const NamedTensor& tensor : file.tensors()) {
      const bool ours = prefixes.is_of_model(tensor.name);
      const std::string name = ours ? tensor.name.substr(prefixes.model.size()) : tensor.name;
      if (is_counter(name)) {
        ++counters;
      } else if (is_published_but_unused(name)) {
        unused.push_back(tensor.name);
      } else if (!ours) {
        elsewhere.push_back(tensor.name);
      } else if (!found.emplace(name, tensor.tensor).second) {
        throw input_error("{}: tensor '{}' comes twice", options->file, name);
      }
    }
    refuse_imagenet_variant(found, config.model, options->file);
    const std::vector<TensorSpec> expected = tensor_list(config.model, config.neuron);
    check(expected, found, options->file);

    ModelCard card;
    card.name = config.name, card.model = config.model, card.neuron = config.neuron;
    card.mean = config.data.mean, card.std = config.data.std;
    card.frames.by = config.data.frames, card.frames.values = config.data.frame_values;
    // Published code sums up events at the sensor's own pixels, as many as the model's input has.
    SensorSize sensor = parse_sensor(options->size, "--size");
    if (!sensor.known()) sensor = {int(config.model.width), int(config.model.height)};
    card.frames.sensor_width = sensor.width, card.frames.sensor_height = sensor.height;
    card.training = {{"imported", options->file}};
    std::vector<NamedTensor> tensors;
    std::list<std::vector<std::byte>> converted;
    for (const TensorSpec& spec : expected) {
      NamedTensor& tensor = tensors.emplace_back(NamedTensor{spec.name, found.at(spec.name)});
      if (!is_float(tensor.tensor.dtype)) continue;
      tensor.tensor.data = converted.emplace_back(in_fp32(tensor, options->file));
      tensor.tensor.dtype = DType::F32;
    }
    write_safetensors(options->out, tensors, {{"format", "pt"}, {"spikemix", card.to_text()}});
    report("{}: {} tensors, {} parameters\n", options->out, tensors.size(), learned_values(expected));
    if (!unused.empty()) report("skipped, read by no computation: {}\n", fmt::format("{}", fmt::join(unused, ", ")));
    if (counters > 0) report("skipped: {} counters of profilers and averages (total_ops, ...)\n", counters);
    if (!elsewhere.empty() && prefixes.model.empty()) report("skipped, of an average: {}\n", list_of(elsewhere));
    if (!elsewhere.empty() && !prefixes.model.empty())
      report("skipped, not under '{}': {}\n", prefixes.model, list_of(elsewhere));
    if (!file.others().empty()) {
      report("taken from {}; --weights takes another: {}\n", file.key().empty() ? "the top" : file.key(),
             fmt::format("{}", fmt::join(file.others(), ", ")));
    }
  });
}

}  // namespace spikemix
