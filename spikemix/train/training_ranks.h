// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/config/config.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/train/launch.h"
#include "spikemix/train/learner.h"
#include "spikemix/train/process_group.h"
#include "spikemix/train/run_data.h"
#include "spikemix/train/trainer.h"
#include "spikemix/train/trainer_state.h"

namespace spikemix {

/// The processes ("ranks") that train one run, and what they tell each other outside the model. A single process is its
/// own rank 0, with nobody to talk to. All ranks make the same calls in the same order.
class TrainingRanks {
 public:
  /// Meets the other ranks. @throws RunError if they do not join
  explicit TrainingRanks(const Launch& launch) : group_(ProcessGroup::join(launch)) {}

  /// Null if this process is alone.
  ProcessGroup* group() const { return group_.get(); }
  int64_t count() const { return group_ ? group_->count() : 1; }
  int64_t rank() const { return group_ ? group_->launch().rank : 0; }
  /// True for rank 0, which alone writes.
  bool leads() const { return rank() == 0; }
  std::vector<int64_t> bucket_bytes() const { return group_ ? group_->bucket_bytes() : std::vector<int64_t>(); }

  /// Waits for all ranks.
  void meet();
  /// Rank 0's text or config, on every rank.
  std::string share(const std::string& text);
  Config share(const Config& config);
  /// Rank 0's state and tensors. The other ranks need neither to see the files nor to draw the weights to the same
  /// bits.
  void share(TrainerState& state, const NamedTensors& tensors);

  /// @throws InputError on every rank, if one was asked for something else, or sees other data
  void check_alike(const Config& asked);
  void check_alike(const RunData& data);

  /// The mean of a step's results, and whether any rank wants to stop: the same on all ranks.
  struct Vote {
    Learner::BatchResult result;
    bool stop = false;
  };
  Vote average(const Vote& own);

 private:
  std::unique_ptr<ProcessGroup> group_;
};

/// A run's work on one rank. The folder is rank 0's; `state` is kept up to date for error messages of other ranks.
using RankWork =
    std::function<TrainOutcome(TrainingRanks& ranks, const std::filesystem::path& run, TrainerState& state)>;

/// Runs work() on all ranks so that they end together, whatever one of them throws and whichever is gone.
/// @param again  the command that continues the run, for error messages of other ranks
TrainOutcome train_on_all_ranks(const std::filesystem::path& run, const Launch& launch, const RankWork& work,
                                const char* again = "go on with: spikemix resume");

}  // namespace spikemix
