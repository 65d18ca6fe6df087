// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/nn/ops/neuron_passes.h"
#include "spikemix/nn/ops/packed.h"
#include "spikemix/nn/torch.h"

namespace spikemix {

/// What a product needs to know besides its arguments.
struct ProductSettings {
  std::string layer;  // its name in profiles
  /// Below this density of the input, spikes are added up one by one (sparse_product.h); above it, matrices are
  /// multiplied. 0: always matrices; negative: whichever is faster on such a processor. The density is the batch's own,
  /// so the choice repeats.
  double sparse_below = 0;
  /// Price of the inputs' mean: its gradient, spike_cost / inputs, is added to that of each input (train.spike_cost).
  double spike_cost = 0;
  /// Compute Product::means, for spikes or counts.
  bool counts_spikes = false;
};

/// y, and the moments of its channels if they came for free.
struct Product {
  torch::Tensor y;
  Moments moments;      // undefined if unknown
  torch::Tensor means;  // [2] in double: of x, and of whether it is not 0; undefined unless asked for
};

/// The model's linear maps, on spikes or counts (or real values, in the first layer). They compute in x's type and keep
/// x for backward, packed as `values` says. They have no bias: see Norm.

/// x [..., in] -> [..., out]; weight [out, in].
Product spike_linear(const torch::Tensor& x, const torch::Tensor& weight, Values values, const ProductSettings&);

/// 3x3, padding 1, channels last: x [..., H, W, in] -> [..., H, W, out]; weight [out, in, 3, 3].
Product spike_conv(const torch::Tensor& x, const torch::Tensor& weight, Values values, const ProductSettings&);

/// Each channel separately, k x k (k odd), stride 1, padding k / 2: x [..., H, W, C] -> the same; weight [C, 1, k, k].
Product depthwise_conv(const torch::Tensor& x, const torch::Tensor& weight, Values values, const ProductSettings&);

/// Each group of n channels separately: x [..., groups x n] -> the same; weight [groups x n, n].
Product grouped_linear(const torch::Tensor& x, const torch::Tensor& weight, Values values, const ProductSettings&);

/// One convolution for all groups of n channels: x [..., H, W, groups x n] -> the same; weight [n, n, 1, 1] or [n, n,
/// 3, 3], padding 0 or 1.
Product shared_conv(const torch::Tensor& x, const torch::Tensor& weight, int64_t groups, Values values,
                    const ProductSettings&);

}  // namespace spikemix
