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

/// What learns: the model, its running average (train.ema) and the optimiser, a batch at a time.
class Learner {
 public:
  /// @param device  as open_device() names it
  /// @param ranks   those that learn together; null: this process alone
  Learner(const Config& config, const std::string& device, ProcessGroup* ranks);

  /// Time steps of the batches to come: 1 in the first train.one_step_epochs, then model.T.
  void start_epoch(int64_t epoch) { model_->set_training_steps(time_steps(config_, epoch)); }

  /// Where a batch stands among those that add up to one step of the optimiser (train.accumulate).
  struct Accumulation {
    bool first = true, last = true;
  };
  /// What a batch came to.
  struct BatchResult {
    double loss = 0;        // cross entropy, without what spikes cost
    SpikeUse spikes;        // with train.spike_cost
    double spike_cost = 0;  // the loss's term: its weight x spikes.operations
  };
  /// The whole batch's, of this rank's: all ranks go on with the same.
  using ResultOfRanks = std::function<BatchResult(BatchResult own)>;

  /// Forward, backward, and on the last batch of a step the optimiser, at the rate `lr`. Returns what the whole batch
  /// came to.
  /// @throws NotFinite before anything is learned of the step
  BatchResult learn(const Batch& batch, Accumulation place, double lr, const ResultOfRanks& result_of_ranks);

  /// The gradient's norm at the last step of the optimiser, before clipping.
  double gradient_norm() const { return gradient_norm_; }
  /// What is tested and exported: the average, if there is one.
  SpikingTransformer& result() { return average_ ? *average_ : *model_; }
  bool averages() const { return average_ != nullptr; }
  /// Every tensor that goes on learning, each the live one.
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
  double step_operations_ = 0;  // of the batches of a step so far
  double gradient_norm_ = 0;
};

/// The loss, or the gradient's norm, is no number any more.
struct NotFinite {
  const char* what;
  double value;
};

}  // namespace spikemix
