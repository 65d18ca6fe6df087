// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "spikemix/config/config.h"
#include "spikemix/data/loader.h"
#include "spikemix/nn/modules/model.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/optimizer.h"
#include "spikemix/train/process_group.h"
#include "spikemix/train/schedule.h"
#include "spikemix/train/spike_budget.h"

namespace spikemix {

/// Everything that learns: the model, its running average (train.ema) and the optimiser, one batch at a time.
class Learner {
 public:
  /// @param device  as open_device() names it
  /// @param ranks   the processes that learn together; null: this process alone
  Learner(const Config& config, const std::string& device, ProcessGroup* ranks);

  /// Time steps of the following batches: 1 in the first train.one_step_epochs, then model.T.
  void start_epoch(int64_t epoch) { model_->set_training_steps(time_steps(config_, epoch)); }

  /// A batch's place among those that add up to one optimiser step (train.accumulate).
  struct Accumulation {
    bool first = true, last = true;
  };
  /// The results of a batch.
  struct BatchResult {
    double loss = 0;        // cross entropy, without the cost of spikes
    SpikeUse spikes;        // with train.spike_cost
    double spike_cost = 0;  // the loss's spike term: its weight x spikes.operations
  };
  /// The whole batch's result, from this rank's; every rank gets the same.
  using ResultOfRanks = std::function<BatchResult(BatchResult own)>;

  /// Forward, backward, and an optimiser step at rate `lr` after the last batch of a step. Returns the whole batch's
  /// results.
  /// @throws NotFinite before any weight of the step changes
  BatchResult learn(const Batch& batch, Accumulation place, double lr, const ResultOfRanks& result_of_ranks);

  /// The gradient's norm at the last optimiser step, before clipping.
  double gradient_norm() const { return gradient_norm_; }
  /// The model to test and export: the average, if there is one.
  SpikingTransformer& result() { return average_ ? *average_ : *model_; }
  bool averages() const { return average_ != nullptr; }
  /// All tensors that training continues from; they are the live ones.
  NamedTensors state() const;

 private:
  std::shared_ptr<SpikingTransformer> make_model() const;
  torch::Tensor to_tensor(const std::vector<float>& values, at::IntArrayRef shape) const;
  void update_average();

  const Config& config_;
  ProcessGroup* const ranks_;
  const torch::Device device_;
  std::shared_ptr<SpikingTransformer> model_, average_;
  Optimizer optimizer_;
  SpikeBudget spike_budget_;
  double step_operations_ = 0;  // over the batches of this step so far
  double gradient_norm_ = 0;
};

/// The loss or the gradient's norm is not a finite number.
struct NotFinite {
  const char* what;
  double value;
};

}  // namespace spikemix
