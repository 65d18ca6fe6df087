// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/config/config.h"
#include "spikemix/data/evaluate.h"
#include "spikemix/data/loader.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/train/checkpoint.h"
#include "spikemix/train/initial_model.h"
#include "spikemix/train/learner.h"
#include "spikemix/train/run_data.h"
#include "spikemix/train/run_folder.h"
#include "spikemix/train/trainer.h"
#include "spikemix/train/trainer_state.h"
#include "spikemix/train/training_ranks.h"

namespace spikemix {

/// The arguments of a loop.
struct TrainingParts {
  const RunFolder& folder;
  Config config;
  RunData data;
  std::string device;  // as open_device() names it
};

/// Epochs of steps, each with a test and a checkpoint at its end, on one rank. All references must outlive it.
class TrainingLoop {
 public:
  /// @param state  where to begin; kept up to date
  TrainingLoop(TrainingParts parts, const TrainListener& listener, TrainingRanks& ranks, TrainerState& state);

  /// Takes what fits of a trained model into the initial weights. @throws InputError if nothing fits
  Taken begin_with(const InitialModel& model);
  /// The start with train.whiten.
  void whiten_first_layer();
  /// Restores the last checkpoint. Rank 0 reads it for all.
  void restore() { checkpoint_.restore(state_, learner_.state(), length_, listener_.on_open.note); }
  /// @throws RunError
  TrainOutcome run();

  const Config& config() const { return config_; }
  const RunData& data() const { return data_; }
  const std::string& device() const { return device_; }

 private:
  /// Where this process began in the epoch: its speed counts from there.
  struct EpochStart {
    Clock::time_point time;
    double seconds = 0;
    int64_t step = 0;
  };

  LoaderOptions loader_options() const;
  const TrainConfig& t() const { return config_.train; }
  bool should_stop() const { return listener_.should_stop && listener_.should_stop(); }

  void begin();
  bool train_epoch();
  bool train_steps();
  Learner::BatchResult train_step(const Batch& batch, double lr);
  Learner::BatchResult average(const Learner::BatchResult& own);
  std::optional<SpikePrice> price_of(const SpikeUse& use, double cost) const;
  void log_step(const Learner::BatchResult& result, double lr, const Batch& batch);
  void tell_step(const Learner::BatchResult& result, double lr, const EpochStart& start);
  double seconds_left(double images_per_second) const;

  void finish_epoch();
  void test_epoch(EpochResult& result, nlohmann::json& line);
  EvalResult test(const std::shared_ptr<const Dataset>& data);
  void write_model(const std::filesystem::path& file);
  /// @param measured  on the test images, with the weights of `epoch`
  void write_answers(const std::filesystem::path& file, const EvalResult& measured, int64_t epoch);

  /// Test top-1 of the chosen weights and of the last.
  struct Tested {
    double best = 0, last = 0;
  };
  Tested test_at_the_end();
  double log_test(const char* weights, int64_t epoch, const EvalResult& measured);
  void write_summary(const Tested& tested);

  RunError not_finite(const NotFinite& found) const;
  RunError out_of_memory() const;

  const RunFolder& folder_;
  const Config config_;
  const RunData data_;
  const std::string device_;
  const ModelCard card_;
  const nlohmann::json draw_;  // of the validation images, for the card
  const RunLength length_;
  const TrainListener& listener_;
  TrainingRanks& ranks_;
  TrainerState& state_;
  Learner learner_;
  Loader loader_;
  Checkpointer checkpoint_;
  bool stop_agreed_ = false;  // agreed between ranks
};

}  // namespace spikemix
