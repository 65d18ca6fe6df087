// SPDX-License-Identifier: MIT
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

/// The parameters of a run, reported before its first step.
struct Conditions {
  int64_t ranks = 1, batch = 0, accumulate = 1;  // the batch of all ranks together
  double peak_learning_rate = 0;                 // scaled with the batch
  int64_t threads = 1;                           // in each rank
};

/// The cost of spikes in a training with train.spike_cost.
struct SpikePrice {
  double operations = 0, density = 0;  // shares of the dense network's work: additions, and nonzero inputs
  double cost = 0;                     // the loss's spike term: its weight x operations
};

/// The place of a run, reported after every step.
struct Progress {
  int64_t epoch = 0, epochs = 0, step = 0, steps = 0;               // epoch from 0; steps of one epoch
  double loss = 0, lr = 0, images_per_second = 0, eta_seconds = 0;  // until the end of the run, tests included
  std::optional<SpikePrice> spikes = {};
};

/// The results of an epoch; also a line of metrics.jsonl.
struct EpochResult {
  int64_t epoch = 0, epochs = 0;
  double train_loss = 0, lr = 0, seconds = 0, images_per_second = 0;
  std::optional<SpikePrice> spikes = {};
  bool tested = false, best = false;
  std::string tested_on = {};  // "validation", or "test" where data.validation is 0
  double loss = 0, top1 = 0, top5 = 0, test_images_per_second = 0;
};

/// Callbacks: the library prints nothing. All are optional. With several ranks, each gets its own reports.
struct TrainListener {
  std::function<void(const Conditions&)> on_begin = {};
  std::function<void(const Progress&)> on_step;
  /// In the test at the end of an epoch, and in those at the end of the run.
  std::function<void(int64_t done, int64_t images)> on_test = {};
  std::function<void(const EpochResult&)> on_epoch;
  /// Asked after every step (with several ranks, within it). True on any rank saves a checkpoint and returns.
  std::function<bool()> should_stop;
  /// While the data are opened, before there is a run folder. An exception from its progress ends the training.
  OpenListener on_open = {};
};

enum class TrainOutcome { kDone, kStopped };

/// Trains `config` in the new folder `run`, on all ranks of `launch`. train.batch is the batch of all ranks together,
/// and the weights are the same, up to rounding, for any number of ranks. Config and run are rank 0's, which alone
/// writes. Afterwards the folder holds
///   config.json            every effective value of the run: keys, scaled learning rate, versions, threads, git commit
///   metrics.jsonl          a line for each epoch, every `kStepsPerLine` steps and each of the first kFirstSteps; with
///                          data.validation also the tests at the end
///   state.safetensors      all that resume needs, replaced atomically
///   best/, last/           model.safetensors, and test_answers.safetensors (data/answers.h)
///   summary.json           once done: accuracy (best and last), speed, peak memory
/// @param builtin  the bytes of the model that train.init = builtin means
/// @throws InputError (config, data), RunError (a full disk, a loss that is not finite, a rank that is gone;
/// checkpoints stay intact)
TrainOutcome train(const Config& config, const std::filesystem::path& run, const TrainListener& listener,
                   const Launch& launch = {}, std::span<const std::byte> builtin = {});

/// Continues from the last checkpoint of `run`, or from the start if it was killed before the first one. The final
/// weights equal those of an uninterrupted run bit for bit, on the same machine with the same threads and ranks.
/// @param threads  from here on, recorded in config.json as a change of ranks is; 0: one for each core; empty: as
/// before
/// @param data_now  where the same data are now, also recorded; "" if they have not moved
/// @param changes  rank 0's key=value settings from here on, also recorded: with_changes()
/// @param builtin  as for train()
/// @throws InputError if `run` is not a run folder, is done or has lost its checkpoint, if another process trains in
/// it, or for what with_changes() refuses
TrainOutcome resume(const std::filesystem::path& run, const TrainListener& listener, const Launch& launch = {},
                    std::optional<int64_t> threads = {}, const std::vector<std::string>& changes = {},
                    const std::string& data_now = "", std::span<const std::byte> builtin = {});

}  // namespace spikemix
