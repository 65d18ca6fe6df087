#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/data/open_listener.h"
#include "spikemix/train/launch.h"

namespace spikemix {

/// What a run goes by, told before its first step.
struct Conditions {
  int64_t ranks = 1, batch = 0, accumulate = 1;  // the batch of all ranks together
  double peak_learning_rate = 0;                 // scaled with the batch
  int64_t threads = 1;                           // of each rank
};

/// What spikes cost in a training with train.spike_cost.
struct SpikePrice {
  double operations = 0, density = 0;  // shares of the dense network's work: the additions, and inputs that are not 0
  double cost = 0;                     // the loss's term: its weight x operations
};

/// Where a run stands, told after every step.
struct Progress {
  int64_t epoch = 0, epochs = 0, step = 0, steps = 0;               // epoch from 0; steps of one epoch
  double loss = 0, lr = 0, images_per_second = 0, eta_seconds = 0;  // until the run's end, tests included
  std::optional<SpikePrice> spikes = {};
};

/// What an epoch came to; also a line of metrics.jsonl.
struct EpochResult {
  int64_t epoch = 0, epochs = 0;
  double train_loss = 0, lr = 0, seconds = 0, images_per_second = 0;
  std::optional<SpikePrice> spikes = {};
  bool tested = false, best = false;
  std::string tested_on = {};  // "validation", or "test" where data.validation is 0
  double loss = 0, top1 = 0, top5 = 0, test_images_per_second = 0;
};

/// The library prints nothing: whoever runs it listens. All optional. Of several ranks each is told of itself.
struct TrainListener {
  std::function<void(const Conditions&)> on_begin = {};
  std::function<void(const Progress&)> on_step;
  /// In the test at an epoch's end, and in those at the run's.
  std::function<void(int64_t done, int64_t images)> on_test = {};
  std::function<void(const EpochResult&)> on_epoch;
  /// Asked after every step (of several ranks, in it); true, on any rank, saves a checkpoint and returns.
  std::function<bool()> should_stop;
  /// While the data are opened, before there is a run folder. What its progress throws ends the training.
  OpenListener on_open = {};
};

enum class TrainOutcome { kDone, kStopped };

/// Trains `config` in the new folder `run`, on all ranks that `launch` tells of: train.batch is that of all of them,
/// and the weights come out the same, to rounding, on any number. Config and run are those of rank 0, which alone
/// writes. The folder afterwards holds
///   config.json            every effective value of the run: keys, scaled learning rate, versions, threads, git commit
///   metrics.jsonl          a line for each epoch, every `kStepsPerLine` steps and each of the first kFirstSteps; with
///                          data.validation the tests at the end
///   state.safetensors      all that resume needs, replaced atomically
///   best/, last/           model.safetensors, and test_answers.safetensors (data/answers.h)
///   summary.json           once done: accuracy (best and last), speed, peak memory
/// @param builtin  the bytes of the model that train.init = builtin means
/// @throws InputError (the config, the data), RunError (a full disk, a loss that is no number, a rank that is gone;
/// checkpoints stay intact)
TrainOutcome train(const Config& config, const std::filesystem::path& run, const TrainListener& listener,
                   const Launch& launch = {}, std::span<const std::byte> builtin = {});

/// Goes on where the last checkpoint of `run` stands. The final weights equal those of an uninterrupted run bit for
/// bit, on the same machine, threads and number of ranks.
/// @param threads  from here on, recorded in config.json as a change of ranks is; 0: one for each core; none: as before
/// @param data_now  where the same data are now, recorded too; "" if they have not moved
/// @param changes  rank 0's key=value settings from here on, recorded too: with_changes()
/// @throws InputError if `run` is no run folder or is done, or another process trains in it, or for what with_changes()
/// refuses
TrainOutcome resume(const std::filesystem::path& run, const TrainListener& listener, const Launch& launch = {},
                    std::optional<int64_t> threads = {}, const std::vector<std::string>& changes = {},
                    const std::string& data_now = "");

}  // namespace spikemix
