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

/// The processes ("ranks") that train one run, and what they tell each other outside the model. One process alone is
/// its own rank 0, with nobody to tell. All ranks make the same calls in the same order.
class TrainingRanks {
 public:
  /// Meets the others. @throws RunError if they do not come
  explicit TrainingRanks(const Launch& launch) : group_(ProcessGroup::join(launch)) {}

  /// Null: this process alone.
  ProcessGroup* group() const { return group_.get(); }
  int64_t count() const { return group_ ? group_->count() : 1; }
  int64_t rank() const { return group_ ? group_->launch().rank : 0; }
  /// Rank 0, which alone writes.
  bool leads() const { return rank() == 0; }
  std::vector<int64_t> bucket_bytes() const { return group_ ? group_->bucket_bytes() : std::vector<int64_t>(); }

  /// Waits for all.
  void meet();
  /// Rank 0's, on every rank.
  std::string share(const std::string& text);
  Config share(const Config& config);
  /// Rank 0's state, its tensors too: no other needs to see the files, nor to draw the weights to the same bits.
  void share(TrainerState& state, const NamedTensors& tensors);

  /// @throws InputError on every rank, if one was asked for something else, or sees other data
  void check_alike(const Config& asked);
  void check_alike(const RunData& data);

  /// Of a step's results the mean, and whether any rank is to stop: the same on all.
  struct Vote {
    Learner::BatchResult result;
    bool stop = false;
  };
  Vote average(const Vote& own);

 private:
  std::unique_ptr<ProcessGroup> group_;
};

/// A run's work on one rank. The folder is rank 0's; `state` is kept up to date for the errors of other ranks.
using RankWork =
    std::function<TrainOutcome(TrainingRanks& ranks, const std::filesystem::path& run, TrainerState& state)>;

/// work() on all ranks, so that they end together: whatever one of them throws, and whichever is gone.
/// @param again  the command that goes on with the run, for the errors of other ranks
TrainOutcome train_on_all_ranks(const std::filesystem::path& run, const Launch& launch, const RankWork& work,
                                const char* again = "go on with: spikemix resume");

}  // namespace spikemix
