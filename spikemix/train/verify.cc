// SPDX-License-Identifier: MIT
#include "spikemix/train/verify.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/config/config_json.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/mixup.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/device.h"
#include "spikemix/train/first_weights.h"
#include "spikemix/train/initial_model.h"
#include "spikemix/train/learner.h"
#include "spikemix/train/run_record.h"
#include "spikemix/train/torch_model.h"
#include "spikemix/train/training_ranks.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

// --- what is on record ---------------------------------------------------------------------------------------------

// How a run began, and what its first steps did.
struct Beginning {
  Config config;
  Json conditions;  // as conditions_of() returns them, and "init"
  std::vector<FirstStep> steps;
  int64_t left_out = 0;
};

// The conditions of the run's first steps: where resume() changed some, those before the first change.
const Json* first_stretch(const Json& record) {
  const auto earlier = record.find("earlier");
  if (earlier == record.end() || !earlier->is_array()) return nullptr;
  for (const Json& part : *earlier) {
    if (part.value("until_epoch", 0) > 0 || part.value("until_step", 0) > 0) return &part;
  }
  return nullptr;
}

bool within(const FirstStep& step, const Json& stretch) {
  const int64_t epoch = stretch.value("until_epoch", int64_t{0});
  return step.epoch < epoch || (step.epoch == epoch && step.step <= stretch.value("until_step", int64_t{0}));
}

Beginning beginning_of(const RunFolder& folder, int64_t most) {
  const std::string where = folder.config().string();
  const Json record = read_run_record(folder);
  Beginning begun{.config = recorded_config(record, where), .conditions = Json::object(), .steps = {}};
  for (const char* part : {"environment", "data_facts", "init"}) begun.conditions[part] = record.value(part, Json());
  begun.conditions["effective"] = recorded_effective(record, where);
  begun.steps = read_first_steps(folder.metrics(), most);
  try {
    if (const Json* stretch = first_stretch(record)) {
      begun.config.train.epochs = stretch->value("train.epochs", begun.config.train.epochs);
      for (const char* part : {"effective", "environment"})
        if (stretch->contains(part) && (*stretch)[part].is_object()) begun.conditions[part] = (*stretch)[part];
      const auto later = std::ranges::find_if(begun.steps, [&](const FirstStep& s) { return !within(s, *stretch); });
      begun.left_out = begun.steps.end() - later;
      begun.steps.erase(later, begun.steps.end());
    }
    begun.config.train.threads = begun.conditions["effective"].value("threads", begun.config.train.threads);
  } catch (const Json::exception&) {
    throw input_error("{}: its 'effective' or 'earlier' values are not those that a run writes: damaged?", where);
  }
  if (begun.steps.empty())
    throw input_error(
        "{}: the run recorded no losses of its first steps (earlier versions did not): nothing to compare with",
        folder.path().string());
  return begun;
}

Json to_json(const Beginning& begun) {
  return {{"config", spikemix::to_json(begun.config)},
          {"conditions", begun.conditions},
          {"steps", begun.steps},
          {"left_out", begun.left_out}};
}

// Rank 0's record, on every rank.
Beginning shared(TrainingRanks& ranks, const std::filesystem::path& run, int64_t most) {
  if (!ranks.group()) return beginning_of(RunFolder::look_at(run), most);
  const std::string own = ranks.leads() ? json_text(to_json(beginning_of(RunFolder::look_at(run), most))) : "";
  const Json json = parse_json(ranks.share(own), "rank 0's record");
  return {config_from_json(json["config"], "rank 0's settings"), json["conditions"],
          json["steps"].get<std::vector<FirstStep>>(), json["left_out"]};
}

// --- the steps once more -------------------------------------------------------------------------------------------

// The model that a run started from; if it is gone, the error names its checksum.
InitialModel first_model(const Config& config, const Json& recorded, std::span<const std::byte> builtin) {
  const std::string& init = config.train.init;
  if (init != "builtin" && !std::filesystem::exists(init))
    throw input_error(
        "train.init = {}: this model is gone, and the run's first weights with it{}; put it back", init,
        recorded.contains("checksum") ? fmt::format(" (checksum {})", json_text(recorded["checksum"])) : "");
  return read_initial_model(init, builtin);
}

class Repetition {
 public:
  Repetition(const Config& config, const RunData& data, const std::string& device, TrainingRanks& ranks)
      : config_(config),
        card_(card_of(config, *data.train)),
        steps_(steps_per_epoch(config.train, data.train->size())),
        ranks_(ranks),
        learner_(config_, device, ranks.group()),
        loader_(data.train, loader_options()) {}

  void begin_with(const InitialModel& model) {
    take_what_fits(model, learner_.state(), card_.classes, learner_.result().plan());
  }
  void whiten_first_layer(const std::shared_ptr<const Dataset>& images) {
    whiten(learner_.state(), learner_.result().plan(), card_, images, config_.train.loader_threads);
  }
  void share_weights(TrainerState& state) { ranks_.share(state, learner_.state()); }

  // Repeats the step at `place`; calls come in order.
  FirstStep repeat(const FirstStep& place) {
    if (place.step == 1) {
      loader_.start_epoch(place.epoch);
      learner_.start_epoch(place.epoch);
    }
    if (place.step > steps_ || !loader_.next(batch_))
      throw input_error("data.dir = {}: enough for {} steps an epoch, but the run did more: is this other data?",
                        config_.data.dir, steps_);
    const TrainConfig& t = config_.train;
    const int64_t before = place.step - 1, turn = before % t.accumulate;
    const double lr = learning_rate(t, double(place.epoch) + double(before) / double(steps_));
    FirstStep done = place;
    done.inputs = hash_of_inputs(batch_);
    const auto average = [this](const Learner::BatchResult& own) { return ranks_.average({own, false}).result; };
    done.loss = learner_.learn(batch_, {.first = turn == 0, .last = turn + 1 == t.accumulate}, lr, average).loss;
    return done;
  }

 private:
  LoaderOptions loader_options() const {
    LoaderOptions options = train_loader_options(card_, config_);
    options.rank = ranks_.rank(), options.ranks = ranks_.count();
    return options;
  }

  const Config& config_;
  const ModelCard card_;
  const int64_t steps_;
  TrainingRanks& ranks_;
  Learner learner_;
  Loader loader_;
  Batch batch_;
};

// --- why they differ -----------------------------------------------------------------------------------------------

struct Condition {
  const char *name, *place;  // in the record
  bool only_rounds;          // only changes the last digits
};

// The likeliest first.
constexpr std::array<Condition, 13> kConditions = {{{"threads", "/effective/threads", true},
                                                    {"ranks", "/effective/ranks", true},
                                                    {"precision", "/effective/precision", false},
                                                    {"LibTorch's instructions", "/environment/cpu_capability", true},
                                                    {"the kernels' instructions", "/environment/kernel_target", true},
                                                    {"processor's features", "/environment/processor_features", true},
                                                    {"LibTorch", "/environment/torch", true},
                                                    {"data", "/data_facts", false},
                                                    {"train.init's checksum", "/init/checksum", false},
                                                    {"commit", "/environment/git_commit", false},
                                                    {"version", "/environment/spikemix", false},
                                                    {"compiler", "/environment/compiler", true},
                                                    {"processor", "/environment/processor", true}}};

// Nothing if the record does not say: it is from an earlier version.
void compare(const Condition& condition, const Json& recorded, const Json& here, std::vector<OtherCondition>& others) {
  const Json::json_pointer place(condition.place);
  if (!recorded.contains(place) || recorded[place].is_null()) return;
  const Json now = here.contains(place) ? here[place] : Json();
  if (!recorded[place].is_object()) {
    if (recorded[place] != now) others.push_back({condition.name, recorded[place], now});
    return;
  }
  for (const auto& [what, value] : recorded[place].items()) {
    if (const Json other = now.is_object() ? now.value(what, Json()) : Json(); other != value)
      others.push_back({fmt::format("{}: {}", condition.name, what), value, other});
  }
}

// @param more_than_rounding  then conditions that only change rounding come last
std::vector<OtherCondition> differing(const Json& recorded, const Json& here, bool more_than_rounding) {
  auto conditions = kConditions;
  if (more_than_rounding) std::ranges::stable_partition(conditions, [](const Condition& c) { return !c.only_rounds; });
  std::vector<OtherCondition> others;
  for (const Condition& condition : conditions) compare(condition, recorded, here, others);
  return others;
}

// Is the difference of two losses no larger than another order of sums makes within a step or two, before the weights
// diverge?
bool is_rounding(double a, double b) {
  constexpr double kRounding = 1e-3;
  return std::abs(a - b) <= kRounding * std::max(std::abs(a), std::abs(b));
}

// Repeats the recorded steps, up to the first whose loss differs.
void repeat_steps(Repetition& repetition, bool same_inputs_expected, const VerifyOptions& options,
                  Verification& result) {
  for (const FirstStep& recorded : result.recorded) {
    const FirstStep& here = result.here.emplace_back(repetition.repeat(recorded));
    const auto done = int64_t(result.here.size());
    if (same_inputs_expected && !result.other_inputs && here.inputs != recorded.inputs) result.other_inputs = done - 1;
    if (options.on_step) options.on_step(done, int64_t(result.recorded.size()));
    result.same = here.loss == recorded.loss;
    if (!result.same) return;
  }
}

// A GPU always rounds differently from a CPU.
std::string device_of_run(const std::string& device, const Launch& launch) {
  if (device == "cpu") return open_device(device, launch);
  try {
    return open_device(device, launch);
  } catch (const InputError& error) {
    throw input_error(
        "train.device = {}: the run's losses repeat only on such a GPU, so nothing can be checked here: {}", device,
        error.what());
  }
}

Verification verify_on(TrainingRanks& ranks, Beginning begun, const VerifyOptions& options, const Launch& launch,
                       TrainerState& state) {
  Config& config = begun.config;
  if (!options.data.empty()) config.data.dir = options.data;
  config.train.threads = options.threads.value_or(config.train.threads);
  validate(config);
  batch_of_rank(config.train.batch, mixes_pairs(config.augment), launch);
  set_compute_threads(config.train.threads);
  const std::string device = device_of_run(config.train.device, launch);
  std::optional<InitialModel> start;
  if (!config.train.init.empty() && ranks.leads())
    start = first_model(config, begun.conditions["init"], options.builtin);
  const RunData data = open_run_data(config, options.on_open);
  ranks.check_alike(data);
  config = resolved(std::move(config), data);
  Repetition repetition(config, data, device, ranks);
  if (config.train.whiten && ranks.leads()) repetition.whiten_first_layer(data.train);
  if (start) repetition.begin_with(*start);
  repetition.share_weights(state);

  Verification result{.recorded = std::move(begun.steps), .here = {}, .left_out = begun.left_out};
  result.on_gpu = device != "cpu";
  // With another number of ranks, each gets another share of a batch.
  const bool same_ranks = begun.conditions["effective"].value("ranks", int64_t{1}) == ranks.count();
  repeat_steps(repetition, same_ranks, options, result);
  Json now = conditions_of(config, data, {.ranks = ranks.count(), .bucket_bytes = {}, .device = device});
  if (start) now["init"]["checksum"] = start->checksum;
  const bool rounding = is_rounding(result.here.back().loss, result.recorded[result.here.size() - 1].loss);
  result.conditions = differing(begun.conditions, now, result.other_inputs || !rounding);
  return result;
}

}  // namespace

Verification verify(const std::filesystem::path& run, const VerifyOptions& options, const Launch& launch) {
  Verification result;
  const RankWork work = [&](TrainingRanks& ranks, const std::filesystem::path& path, TrainerState& state) {
    result = verify_on(ranks, shared(ranks, path, options.steps), options, launch, state);
    return TrainOutcome::kDone;
  };
  train_on_all_ranks(run, launch, work, "repeat it with: spikemix verify");
  return result;
}

}  // namespace spikemix
