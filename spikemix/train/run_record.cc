// SPDX-License-Identifier: MIT
#include "spikemix/train/run_record.h"

#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/config/config_json.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/agreement.h"
#include "spikemix/train/environment.h"
#include "spikemix/train/schedule.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

Json effective(const Config& config, const RunData& data, const RunRanks& ranks) {
  const TrainConfig& t = config.train;
  const int64_t steps = steps_per_epoch(t, data.train->size());
  return {{"peak_learning_rate", peak_learning_rate(t)},
          {"batch_for_each_optimiser_step", t.batch * t.accumulate},
          {"steps_per_epoch", steps},
          {"optimiser_steps", steps / t.accumulate * t.all_epochs()},
          {"train_images", data.train->size()},
          {"validation_images", data.validation ? data.validation->size() : 0},
          {"test_images", data.test->size()},
          {"best_on", data.best_on()},
          {"ranks", ranks.ranks},
          {"batch_of_each_rank", t.batch / ranks.ranks},
          {"bucket_bytes", ranks.bucket_bytes},
          {"precision", effective_precision(t.precision, ranks.device)},
          {"threads", at::get_num_threads()},
          {"threads_by_default", ranks.own_threads},
          {"loader_threads", t.loader_threads}};
}

// Counts, classes, labels and some samples, by name; not their paths, which may change.
Json described(const RunData& data) {
  Json json = Json::object();
  for (const Fact& fact : facts_of(data)) {
    if (is_of_contents(fact)) json[fact.what] = fact.value;
  }
  return json;
}

}  // namespace

Json conditions_of(const Config& config, const RunData& data, const RunRanks& ranks) {
  return {
      {"effective", effective(config, data, ranks)}, {"environment", environment()}, {"data_facts", described(data)}};
}

void write_run_record(const RunFolder& folder, const Config& config, const RunData& data, const RunRanks& ranks,
                      const RunHistory& history) {
  Json record = conditions_of(config, data, ranks);
  record["config"] = to_json(config);
  for (const auto& [split, set] : {std::pair{"train", data.train.get()}, {"test", data.test.get()}}) {
    if (!set->damaged().empty()) record["damaged"][split] = set->damaged();
  }
  if (!history.init.is_null()) record["init"] = history.init;
  if (!history.earlier.empty()) record["earlier"] = history.earlier;
  write_file_atomically(folder.config(), json_text(record, 2) + "\n");
}

Json read_run_record(const RunFolder& folder) {
  const std::string where = folder.config().string();
  Json record = parse_json(read_file(folder.config()), where + ":");
  if (!record.is_object() || !record.contains("config")) throw input_error("{}: not a run's record", where);
  return record;
}

Config recorded_config(const Json& record, const std::string& where) {
  Config config = config_from_json(record.at("config"), where);
  try {
    validate(config);
  } catch (const InputError& error) {
    throw input_error("{}: its {}", where, error.what());
  }
  return config;
}

Json recorded_effective(const Json& record, const std::string& where) {
  const Json values = record.value("effective", Json::object());
  const auto fits = [&](const char* key, bool (Json::*is)() const noexcept) {
    return !values.contains(key) || (values[key].*is)();
  };
  if (!values.is_object() || !fits("ranks", &Json::is_number_integer) || !fits("threads_by_default", &Json::is_boolean))
    throw input_error("{}: its 'effective' values are not those that a run writes: damaged?", where);
  return values;
}

void check_same_data(const Json& record, const RunData& data, const std::string& where) {
  const auto before = record.find("data_facts");
  if (before == record.end() || !before->is_object()) return;  // earlier versions did not record it
  const Json now = described(data);
  for (const auto& [what, value] : now.items()) {
    if (before->contains(what) && (*before)[what] != value)
      throw input_error("{}: the run began with other data: {} {}, now {}. Restore the data, or train again", where,
                        what, json_text((*before)[what]), json_text(value));
  }
}

Json earlier_conditions(Json record, const TrainerState& state) {
  Json earlier = record.value("earlier", Json::array());
  earlier.push_back({{"until_epoch", state.epoch},
                     {"until_step", state.step},
                     {"train.epochs", record["config"]["train"]["epochs"]},
                     {"effective", record["effective"]},
                     {"environment", record.value("environment", Json())}});
  return earlier;
}

}  // namespace spikemix
