// SPDX-License-Identifier: MIT
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/builtin_model.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/recipes.h"
#include "spikemix/cli/talk.h"
#include "spikemix/config/config_json.h"
#include "spikemix/formats/model_card_json.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/tensors.h"

namespace spikemix {
namespace {

// The argument of `info`, whatever its kind.
struct Described {
  std::string kind;  // "model", "run", "recipe"
  ModelCard card;
};

Described describe(const std::string& path, const std::vector<std::string>& overrides) {
  const bool is_run = std::filesystem::is_directory(path);
  const bool is_model = path.ends_with(".safetensors") || is_builtin(path);
  if (is_run || is_model) {
    if (!overrides.empty()) throw input_error("'{}': key=value changes a recipe, not a model", overrides[0]);
    return {is_run ? "run" : "model", card_of_model(path)};
  }
  const Config config = load_recipe(path, overrides);
  validate(config);
  Described described{"recipe", {}};
  described.card.name = config.name, described.card.model = config.model, described.card.neuron = config.neuron;
  // What the data decides is unknown here; the published sizes assume ten classes.
  if (described.card.model.classes == 0) described.card.model.classes = 10;
  return described;
}

// The stream's name, from the values that the last block writes.
std::string stream_name(const Plan& plan) {
  const Range& range = plan.tokens().range;
  return range.is_real() ? "membrane" : range.is_spikes() ? "iand" : "spike";
}

}  // namespace

void add_info(CLI::App& app) {
  struct Options {
    std::string path;
    std::vector<std::string> overrides;
    bool json = false, tensors = false;
  };
  auto* command = app.add_subcommand("info", "shape, mixers, parameters and operations of a model");
  command->footer(R"(Examples:
  spikemix info runs/cifar10-small
  spikemix info small.safetensors --tensors
  spikemix info cifar10 model.mixer=ssa                   a recipe that nobody has trained yet)");
  auto options = std::make_shared<Options>();
  command->add_option("MODEL", options->path, fmt::format("{}; or a recipe", kModelHelp))->required();
  command->add_option("key=value", options->overrides, "settings that override the recipe's");
  command->add_flag("--tensors", options->tensors, "list every tensor with its shape");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    const Described described = describe(options->path, options->overrides);
    const ModelConfig& m = described.card.model;
    const Plan plan = make_plan(m, described.card.neuron);
    const std::vector<TensorSpec> tensors = tensors_of(plan);
    double macs = 0;
    for (const TensorSpec& tensor : tensors) macs += tensor.macs * double(m.T);
    std::vector<std::string> mixer_names;
    for (const Segment& segment : plan.segments) {
      if (!segment.mixer.empty()) mixer_names.push_back(segment.mixer);
    }

    if (options->json) {
      Config config;
      config.model = m, config.neuron = described.card.neuron;
      const nlohmann::json keys = to_json(config);
      nlohmann::json json = {{"kind", described.kind},
                             {"name", described.card.name},
                             {"parameters", learned_values(tensors)},
                             {"macs_per_image", macs},
                             {"tokens", plan.tokens().rows()},
                             {"mixers", mixer_names},
                             {"classes", described.card.classes},
                             {"model", keys["model"]},
                             {"neuron", keys["neuron"]},
                             {"training", training_of(described.card)}};
      for (const TensorSpec& tensor : tensors) {
        json["tensors"].push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"learned", tensor.learned()}});
      }
      answer_json(json);
      return;
    }
    answer("{} {}\n", described.kind, described.card.name.empty() ? options->path : described.card.name);
    answer("  input        {}, {} x {} x {}, T = {}\n", m.input, m.channels, m.height, m.width, m.T);
    answer("  network      {}, {} stream\n", m.architecture, stream_name(plan));
    answer("  tokens       {} x {} = {}, embedding dim {}\n", plan.tokens().height, plan.tokens().width,
           plan.tokens().rows(), plan.tokens().channels);
    answer("  blocks       {}: {}\n", mixer_names.size(), fmt::join(mixer_names, ", "));
    for (const Segment& segment : plan.segments) {
      const ValuePlan& to = plan.values[size_t(segment.writes)];
      answer("    {:<14} {} x {} tokens of {}{}\n", segment.name, to.height, to.width, to.channels,
             segment.mixer.empty() ? "" : ", " + segment.mixer);
    }
    answer("  neuron       {}, {} surrogate\n", described.card.neuron.kind, described.card.neuron.surrogate);
    answer("  classes      {}\n", m.classes);
    answer("  parameters   {}\n", learned_values(tensors));
    answer("  multiply-adds {:.3f} G an image, dense (spikes need only part of them), mixers not counted\n",
           macs / 1e9);
    if (nlohmann::json training = training_of(described.card); !training.empty()) {
      training.erase("validation");  // hashes of images, for `eval` and --json
      answer("  training     {}\n", json_text(training));
    }
    if (options->tensors) {
      for (const TensorSpec& tensor : tensors) {
        answer("  {:<44} [{}]\n", tensor.name, fmt::join(tensor.shape, ", "));
      }
    }
  });
}

}  // namespace spikemix
