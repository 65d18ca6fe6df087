// SPDX-License-Identifier: MIT
#include "spikemix/train/training_ranks.h"

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/config/config_json.h"
#include "spikemix/train/agreement.h"

namespace spikemix {

void TrainingRanks::meet() {
  if (group_) group_->meet();
}

std::string TrainingRanks::share(const std::string& text) { return group_ ? group_->share(text) : text; }

Config TrainingRanks::share(const Config& config) {
  if (!group_) return config;
  const char* where = "rank 0's settings";
  return config_from_json(parse_json(group_->share(json_text(to_json(config))), where), where);
}

void TrainingRanks::share(TrainerState& state, const NamedTensors& tensors) {
  if (!group_) return;
  state = parse_json(group_->share(json_text(state)), "rank 0's state").get<TrainerState>();
  group_->copy_from_first(tensors);
}

void TrainingRanks::check_alike(const Config& asked) {
  if (group_) agree(*group_, facts_of(asked));
}

void TrainingRanks::check_alike(const RunData& data) {
  if (group_) agree(*group_, facts_of(data));
}

TrainingRanks::Vote TrainingRanks::average(const Vote& own) {
  if (!group_) return own;
  const SpikeUse& spikes = own.result.spikes;
  torch::Tensor all =
      torch::tensor({own.result.loss, spikes.operations, spikes.density, own.stop ? 1.0 : 0.0}, torch::kFloat64);
  group_->sum(all);
  const auto mean = [&](int64_t i) { return all[i].item<double>() / double(count()); };
  return {{mean(0), {mean(1), mean(2)}}, all[3].item<double>() > 0};
}

TrainOutcome train_on_all_ranks(const std::filesystem::path& run, const Launch& launch, const RankWork& work,
                                const char* again) {
  TrainingRanks ranks(launch);
  TrainerState state;
  if (!ranks.group()) return work(ranks, run, state);
  std::filesystem::path shared = run;
  try {
    shared = ranks.share(run.string());
    return work(ranks, shared, state);
  } catch (const std::exception& error) {
    ranks.group()->say_why(
        error, fmt::format("epoch {}, step {}; {} {}", state.epoch + 1, state.step + 1, again, shared.string()));
    throw;
  }
}

}  // namespace spikemix
