#pragma once

#include <torch/torch.h>

namespace spikemix {

/// What a tensor of activations holds, and so what a training step keeps of it: a bit, a byte, or the values
/// themselves.
enum class Values { kSpikes, kCounts, kReal };

/// An activation kept for backward.
class Packed {
 public:
  Packed(const torch::Tensor& x, Values values);
  Packed(const torch::Tensor& packed, Values values, torch::IntArrayRef sizes, torch::ScalarType type);

  /// For AutogradContext::save_for_backward.
  const torch::Tensor& tensor() const { return packed_; }
  torch::Tensor unpack() const;

 private:
  torch::Tensor packed_;
  Values values_;
  std::vector<int64_t> sizes_;
  torch::ScalarType type_;
};

}  // namespace spikemix
