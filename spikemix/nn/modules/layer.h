// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "spikemix/nn/modules/spike_meter.h"
#include "spikemix/nn/ops/mix.h"
#include "spikemix/nn/ops/neuron.h"
#include "spikemix/nn/ops/product.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// Sees the spikes of each layer as they are made, before the merge: "block.0.mlp.fc1", [T, B, H, W, C]. Firing rates
/// and tests use it.
using SpikeObserver = std::function<void(const std::string& layer, const torch::Tensor& spikes)>;

/// What every layer of one forward pass needs to know.
struct Pass {
  torch::ScalarType type;  // of products, spikes and counts: fp32, bf16, double; for bf16, real values are fp32
  bool training;
  double sparse_below;  // ProductSettings
  int64_t T;            // time steps that a still image is shown for
  const SpikeObserver* observer = nullptr;
  Ranks* ranks = nullptr;       // Norm
  double spike_cost = 0;        // SpikingTransformer::set_spike_cost()
  SpikeMeter* meter = nullptr;  // null: the spikes are not counted
  bool again = false;           // computed a second time, for backward (recompute.h): leaves running statistics alone
};

/// How a value's tensor is kept for backward.
Values kept_as(const Range& range);

/// One layer of a plan: map -> batch norm -> position -> neurons -> merge, each if the plan has it.
class Layer {
 public:
  /// Registers the layer's tensors with `model` under their full names ("block.0.mlp.fc1_linear.weight"), with initial
  /// values; weights are drawn from `seed` (initial_weights.h).
  /// @param spike_share  the layer's entry of spike_shares()
  Layer(const Plan& network, const LayerPlan& layer, double spike_share, torch::nn::Module& model, uint64_t seed);

  /// @param x       the value that the layer reads: [T, B, H, W, C], or [B, H, W, C] if still
  /// @param merged  the value to merge the output with, or undefined
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& merged, const Pass& pass) const;

  /// Everything that the layer learns.
  std::vector<torch::Tensor> parameters() const;

 private:
  // One of the maps that the layer computes side by side.
  struct Part {
    std::string name;
    torch::Tensor weight, bias;
    BatchNorm bn = nullptr;
    Neuron lif = nullptr;
  };

  Product map(const torch::Tensor& x, const Pass& pass) const;
  Product mapped(const torch::Tensor& x, const Pass& pass) const;
  Product convolution(const torch::Tensor& x, const ProductSettings& settings) const;
  torch::Tensor normed(const Product& y, const torch::Tensor& residual, const Pass& pass) const;
  torch::Tensor fired(const Product& y, const torch::Tensor& residual, const Pass& pass) const;
  torch::Tensor attention(const torch::Tensor& x, const Pass& pass) const;

  // The neurons of one part, or of all parts side by side.
  torch::Tensor fire(const Part& part, const Product& y, const Norm& norm, const torch::Tensor& residual,
                     const Pass& pass) const;
  Norm norm_of(const Part& part, const Pass& pass) const;
  template <class F>
  torch::Tensor with_norm(const Pass& pass, const F& f) const;
  void show(const torch::Tensor& spikes, const Pass& pass) const;

  const LayerPlan& plan_;
  const bool still_;  // is the value that it reads still?
  const Values values_;
  const double spike_share_;
  std::vector<Part> parts_;
  c10::intrusive_ptr<TorchMixer> mixer_;
  torch::Tensor coefficients_, gate_, position_;
};

}  // namespace spikemix
