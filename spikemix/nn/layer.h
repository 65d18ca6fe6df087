#pragma once

#include <functional>
#include <string>

#include "spikemix/nn/neuron.h"
#include "spikemix/nn/product.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// Sees the spikes of each layer as they are made: "block.0.mlp.fc1", [T, B, N, D] or [T, B, H, W, C]. For firing
/// rates, and for tests.
using SpikeObserver = std::function<void(const std::string& layer, const torch::Tensor& spikes)>;

/// What every layer of one forward pass needs to know.
struct Pass {
  torch::ScalarType type;  // of products and spikes: fp32, bf16, double
  bool training;
  double sparse_below;  // ProductSettings
  int64_t T;            // time steps that a still image is shown for
  const SpikeObserver* observer = nullptr;
  Ranks* ranks = nullptr;  // Norm
  bool again = false;      // computed a second time, for backward (recompute.h): moves no running statistics
};

/// A weight and perhaps a bias under the names that torch.nn.Linear and torch.nn.Conv2d give them.
class WeightsImpl : public torch::nn::Module {
 public:
  WeightsImpl(torch::IntArrayRef sizes, bool with_bias);

  torch::Tensor weight, bias;
};
TORCH_MODULE(Weights);

/// [linear | 3x3 conv | nothing] -> BN -> neurons: the three modules of a published layer, registered with its owner
/// under their published names ("fc1_linear", "fc1_bn", "fc1_lif").
struct SpikingLayer {
  std::string name;  // full, for the observer
  Weights weights = nullptr;
  BatchNorm bn = nullptr;
  Neuron lif = nullptr;

  /// y -> residual + spikes; y is what the linear map made of the input, without its bias.
  torch::Tensor fire(const Product& y, const torch::Tensor& residual, const Pass& pass, int64_t repeat_T = 0) const;

  /// x [..., in] -> residual + spikes [..., out].
  torch::Tensor linear(const torch::Tensor& x, Values values, const torch::Tensor& residual, const Pass& pass) const;
  /// x [..., H, W, in] -> residual + spikes [..., H, W, out].
  torch::Tensor conv(const torch::Tensor& x, Values values, const torch::Tensor& residual, const Pass& pass,
                     int64_t repeat_T = 0) const;
};

}  // namespace spikemix
