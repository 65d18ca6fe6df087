#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "spikemix/cli/commands.h"
#include "spikemix/cli/talk.h"
#include "spikemix/core/error.h"
#include "spikemix/mixers/mixer.h"

namespace spikemix {

void add_mixers(CLI::App& app) {
  struct Options {
    int64_t rows = 8, columns = 8, D = 384, T = 4;
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
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] {
    const MixerShape shape{options->T, options->rows, options->columns, options->D};
    const double N = double(shape.N()), D = double(shape.D);
    nlohmann::json list = nlohmann::json::array();
    if (!options->json) {
      answer("Operations of one sample and time step, N = {} tokens of D = {}:\n\n{:<10} {:>13} {:>13}  {:<18} {}\n",
             shape.N(), shape.D, "mixer", "additions", "multiplies", "cost", "what it is");
    }
    for (const MixerEntry& entry : mixers()) {
      nlohmann::json item = {{"name", entry.name}, {"cost", entry.cost}, {"summary", entry.summary}};
      std::string additions = "-", multiplications = "-";
      try {
        // Attention: q, k, v and the projection, then (q k') v over all heads.
        const OpCount ops = entry.make ? entry.make(shape, MixerOptions())->ops()
                                       : OpCount{4 * N * D * D + 2 * N * N * D, 4 * N * D * D + 2 * N * N * D};
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
