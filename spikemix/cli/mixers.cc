// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/cli/commands.h"
#include "spikemix/cli/talk.h"
#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"
#include "spikemix/plan/branch.h"

namespace spikemix {
namespace {

// Operations of a mixer alone: its maps and transforms, and what takes attention's place.
OpCount operations(const MixerEntry& entry, const MixerShape& shape, int64_t heads) {
  MixerOptions options;
  options.heads = heads;
  if (entry.make) return entry.make(shape, options)->ops();
  ModelConfig model;
  model.T = shape.T, model.height = shape.height, model.width = shape.width, model.channels = shape.D;
  PlanBuilder builder(model, NeuronConfig());
  const int64_t x = builder.neurons(builder.input(), "stream", "stream");
  builder.begin_segment("block");
  Branch branch(builder, BlockStyle(), x, "mixer.");
  entry.add(branch, options);
  const Plan plan = std::move(builder).finish(branch.value(), "head");
  OpCount total;
  for (const LayerPlan& layer : plan.layers) {
    const double macs = dense_macs(plan, layer) * double(layer.parts.size());
    total = total + OpCount{macs + dense_attention(plan, layer), macs};
    if (layer.gated) total = total + layer.gated->ops();
    if (layer.mixer) total = total + layer.mixer->ops();
  }
  return total;
}

}  // namespace

void add_mixers(CLI::App& app) {
  struct Options {
    int64_t rows = 8, columns = 8, D = 384, T = 4, heads = 12;
    bool json = false;
  };
  auto* command = app.add_subcommand("mixers", "list the token mixers with their cost");
  command->footer(R"(Examples:
  spikemix mixers
  spikemix mixers --height 7 --width 7 --embed-dim 256    for another grid of tokens)");
  auto options = std::make_shared<Options>();
  command->add_option("--height", options->rows, "height of the token grid")->check(CLI::PositiveNumber);
  command->add_option("--width", options->columns, "width of the token grid")->check(CLI::PositiveNumber);
  command->add_option("--embed-dim", options->D, "embedding dim D")->check(CLI::PositiveNumber);
  command->add_option("--T", options->T, "time steps")->check(CLI::PositiveNumber);
  command->add_option("--heads", options->heads, "attention heads")->check(CLI::PositiveNumber);
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    const MixerShape shape{options->T, options->rows, options->columns, options->D};
    nlohmann::json list = nlohmann::json::array();
    if (!options->json) {
      answer("Operations of one sample and time step, N = {} tokens of D = {}:\n\n{:<10} {:>13} {:>13}  {:<18} {}\n",
             shape.N(), shape.D, "mixer", "additions", "multiplies", "cost", "what it is");
    }
    for (const MixerEntry& entry : mixers()) {
      nlohmann::json item = {{"name", entry.name}, {"cost", entry.cost}, {"summary", entry.summary}};
      std::string additions = "-", multiplications = "-";
      try {
        const OpCount ops = operations(entry, shape, options->heads);
        item["additions"] = ops.additions, item["multiplications"] = ops.multiplications;
        additions = fmt::format("{:.0f}", ops.additions), multiplications = fmt::format("{:.0f}", ops.multiplications);
      } catch (const InputError& refusal) {
        item["refuses"] = refusal.what();
      }
      if (!options->json) {
        answer("{:<10} {:>13} {:>13}  {:<18} {}\n", entry.name, additions, multiplications, entry.cost, entry.summary);
      }
      list.push_back(std::move(item));
    }
    if (options->json) answer_json(list);
  });
}

}  // namespace spikemix
