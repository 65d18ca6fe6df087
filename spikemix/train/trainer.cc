// SPDX-License-Identifier: MIT
#include "spikemix/train/trainer.h"

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/data/mixup.h"
#include "spikemix/model/model.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/checkpoint.h"
#include "spikemix/train/device.h"
#include "spikemix/train/environment.h"
#include "spikemix/train/freeze.h"
#include "spikemix/train/initial_model.h"
#include "spikemix/train/run_changes.h"
#include "spikemix/train/run_data.h"
#include "spikemix/train/run_folder.h"
#include "spikemix/train/run_record.h"
#include "spikemix/train/torch_model.h"
#include "spikemix/train/training_loop.h"
#include "spikemix/train/training_ranks.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

// train.threads where it is 0: LibTorch's choice for one process, this rank's part of the machine for several.
void settle_threads(Config& config, const Launch& launch) {
  set_compute_threads(config.train.threads > 0 ? config.train.threads : launch.cores);
  config.train.threads = at::get_num_threads();
}

RunData open_alike(const Config& config, const TrainListener& listener, TrainingRanks& ranks) {
  RunData data = open_run_data(config, listener.on_open);
  ranks.check_alike(data);
  return data;
}

void record_run(const TrainingLoop& loop, const RunFolder& folder, const TrainingRanks& ranks, bool own_threads,
                const RunHistory& history) {
  if (!ranks.leads()) return;
  write_run_record(folder, loop.config(), loop.data(),
                   {.ranks = ranks.count(),
                    .own_threads = own_threads,
                    .bucket_bytes = ranks.bucket_bytes(),
                    .device = loop.device()},
                   history);
}

// Reads train.init on rank 0, whose weights all ranks get.
std::optional<InitialModel> read_start(const std::string& init, std::span<const std::byte> builtin,
                                       const TrainingRanks& ranks) {
  if (init.empty() || !ranks.leads()) return std::nullopt;
  return read_initial_model(init, builtin);
}

// The same for a run that was recorded, and has no checkpoint yet.
std::optional<InitialModel> read_start_again(const std::string& init, std::span<const std::byte> builtin,
                                             const TrainingRanks& ranks, const Json& record) {
  std::optional<InitialModel> start = read_start(init, builtin, ranks);
  const Json before = record.value("init", Json());
  if (start && before.is_object() && before.contains("checksum") && before["checksum"] != start->checksum)
    throw input_error("train.init = {}: its checksum is {}, the run began with {}; put that model back, or train again",
                      init, start->checksum, json_text(before["checksum"]));
  return start;
}

// Makes the weights that learning begins with, on rank 0. Returns what the record says about train.init; null without.
Json prepare_weights(const std::optional<InitialModel>& start, TrainingLoop& loop, const TrainingRanks& ranks,
                     const TrainListener& listener) {
  // Before train.init, whose weights have learned already.
  if (loop.config().train.whiten && ranks.leads()) loop.whiten_first_layer();
  if (!start) return nullptr;
  const Taken taken = loop.begin_with(*start);
  if (listener.on_open.note) listener.on_open.note(taken.line(start->from));
  return taken.to_json(*start);
}

// The number of threads for the rest of a run, and whether the program chose it.
struct ThreadChoice {
  int64_t threads = 0;  // 0: settle_threads() decides
  bool own = false;
};

// @param asked  resume's --threads
ThreadChoice choose_threads(std::optional<int64_t> asked, int64_t before, const Json& effective, bool other_ranks) {
  if (asked) return {*asked, *asked == 0};
  const bool own = effective.value("threads_by_default", false);
  return {other_ranks && own ? 0 : before, own};
}

}  // namespace

TrainOutcome train(const Config& asked, const std::filesystem::path& run, const TrainListener& listener,
                   const Launch& launch, std::span<const std::byte> builtin) {
  validate(asked);
  // The network's sizes are checked before any data is read.
  frozen_tensors(make_plan(asked.model, asked.neuron), asked.train.freeze);
  batch_of_rank(asked.train.batch, mixes_pairs(asked.augment), launch);
  const RankWork work = [&](TrainingRanks& ranks, const std::filesystem::path& path, TrainerState& state) {
    ranks.check_alike(asked);
    Config config = ranks.share(asked);
    const bool own_threads = config.train.threads == 0;
    settle_threads(config, launch);
    const std::string device = open_device(config.train.device, launch);
    const std::optional<InitialModel> start = read_start(config.train.init, builtin, ranks);
    RunData data = open_alike(config, listener, ranks);
    config = resolved(std::move(config), data);
    RunFolder folder = ranks.leads() ? RunFolder::create(path) : RunFolder::names_of(path);
    // Left by a start that was killed before it was recorded.
    if (ranks.leads()) std::filesystem::remove(folder.state());
    try {
      ranks.meet();
      TrainingLoop loop({folder, std::move(config), std::move(data), device}, listener, ranks, state);
      const Json init = prepare_weights(start, loop, ranks, listener);
      record_run(loop, folder, ranks, own_threads, {.init = init});
      return loop.run();
    } catch (...) {
      folder.take_back();
      throw;
    }
  };
  return train_on_all_ranks(run, launch, work);
}

TrainOutcome resume(const std::filesystem::path& run, const TrainListener& listener, const Launch& launch,
                    std::optional<int64_t> threads, const std::vector<std::string>& changes,
                    const std::string& data_now, std::span<const std::byte> builtin) {
  const RankWork work = [&](TrainingRanks& ranks, const std::filesystem::path& path, TrainerState& state) {
    const RunFolder folder = ranks.leads() ? RunFolder::open(path) : RunFolder::names_of(path);
    const std::string where = folder.config().string();
    const Json record =
        parse_json(ranks.share(ranks.leads() ? json_text(read_run_record(folder)) : ""), "rank 0's record");
    Config config = recorded_config(record, where);
    // On rank 0, and before anything is touched.
    const bool from_start = ranks.leads() && !has_checkpoint(folder);
    if (ranks.leads()) config = with_changes(config, changes, folder);
    config = ranks.share(config);
    const bool moved = !data_now.empty() && data_now != config.data.dir;
    if (moved) config.data.dir = data_now;
    batch_of_rank(config.train.batch, mixes_pairs(config.augment), launch);
    const Json effective = recorded_effective(record, where);
    const bool other_ranks = effective.value("ranks", int64_t{1}) != launch.ranks;
    const int64_t threads_before = config.train.threads;
    const ThreadChoice choice = choose_threads(threads, threads_before, effective, other_ranks);
    config.train.threads = choice.threads;
    validate(config);
    settle_threads(config, launch);
    const bool other_conditions = other_ranks || config.train.threads != threads_before || !changes.empty() || moved ||
                                  record.value("environment", Json()) != environment();
    const std::string device = open_device(config.train.device, launch);
    std::optional<InitialModel> start;
    if (from_start) start = read_start_again(config.train.init, builtin, ranks, record);
    RunData data = open_alike(config, listener, ranks);
    check_same_data(record, data, where);
    ranks.meet();
    TrainingLoop loop({folder, std::move(config), std::move(data), device}, listener, ranks, state);
    if (!from_start) loop.restore();
    // Before the record: if the run is killed here, it is either done as before or not yet done with more epochs.
    if (ranks.leads()) std::filesystem::remove(folder.summary());
    if (other_conditions)
      record_run(loop, folder, ranks, choice.own,
                 {.earlier = earlier_conditions(record, state), .init = record.value("init", Json())});
    if (from_start) prepare_weights(start, loop, ranks, listener);
    return loop.run();
  };
  return train_on_all_ranks(run, launch, work);
}

}  // namespace spikemix
