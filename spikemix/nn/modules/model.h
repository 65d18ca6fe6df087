// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "spikemix/config/model_config.h"
#include "spikemix/config/train_config.h"
#include "spikemix/nn/modules/layer.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// A spiking transformer of any architecture, built from its plan: layers -> mean over tokens and time -> head.
///
/// named_parameters() and named_buffers() carry the published tensor names ("block.0.mlp.fc1_linear.weight"), so that
/// published checkpoints load unchanged.
class SpikingTransformer : public torch::nn::Module {
 public:
  /// The weights come from base/rng.h. Each tensor has a stream of its own that depends only on the seed and the
  /// tensor's name, so models with different mixers share the weights that they have in common.
  /// @throws InputError naming the key that does not fit
  SpikingTransformer(const ModelConfig& model, const NeuronConfig& neuron, uint64_t seed);
  SpikingTransformer(const SpikingTransformer&) = delete;  // its layers point into its plan
  SpikingTransformer& operator=(const SpikingTransformer&) = delete;

  /// x [B, C, H, W] images (input = "image") or [B, T, C, H, W] event frames -> logits [B, classes] in fp32.
  torch::Tensor forward(const torch::Tensor& x);

  /// The type of products, spikes and counts, and of what is kept of them: fp32, or bf16 with fp32 weights, statistics,
  /// potentials and logits, as under autocast. A model moved to double computes in double.
  void set_precision(torch::ScalarType type) { precision_ = type; }
  /// train.sparse_below.
  void set_sparse_below(double share) { sparse_below_ = share; }
  /// train.recompute.
  void set_recompute(bool on) { recompute_ = on; }
  /// Adds `weight` x SpikeUse::operations to the loss of the following passes, whatever that loss is: its gradient
  /// joins the backward pass where spikes are read. 0 adds nothing. From here on the spikes are counted, too.
  void set_spike_cost(double weight) { spike_cost_ = weight, counts_spikes_ = true; }
  /// The spikes of the last training pass, after set_spike_cost().
  SpikeUse spike_use() const { return meter_.use(); }
  /// Time steps that a still image is shown for in training, in place of model.T (train.one_step_epochs).
  void set_training_steps(int64_t T) { training_steps_ = T; }
  /// Called with the spikes of every layer; empty means off.
  void set_observer(SpikeObserver observer) { observer_ = std::move(observer); }

  /// Sets the processes that train the model together: batch norm's statistics then cover all their batches.
  void set_ranks(Ranks* ranks) { ranks_ = ranks; }

  const Plan& plan() const { return plan_; }

 private:
  torch::Tensor input(const torch::Tensor& images, torch::ScalarType type) const;
  torch::Tensor run(const Segment& segment, torch::Tensor x, const Pass& pass) const;

  const Plan plan_;
  std::vector<Layer> layers_;
  std::vector<std::vector<int64_t>> last_reads_;  // by layer: the values that no later layer reads
  torch::Tensor head_weight_, head_bias_;

  torch::ScalarType precision_ = torch::kFloat32;
  double sparse_below_ = TrainConfig().sparse_below;
  bool recompute_ = false;
  double spike_cost_ = 0;
  bool counts_spikes_ = false;
  SpikeMeter meter_;
  int64_t training_steps_;
  SpikeObserver observer_;
  Ranks* ranks_ = nullptr;
};

/// The number of learned values, as papers give it: SSA 4-384 with 10 classes has 9,324,730.
int64_t learned_values(const torch::nn::Module& model);

}  // namespace spikemix
