// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// y = scale (q k^T) v for each head, without softmax; qkv [T, B, N, 3 D] holds the spikes of q, k and v side by side.
/// Computed as q (k^T v) where that is cheaper (head size < N): sums of small integers are exact in any order. Exact in
/// fp32, whatever qkv's type; -> [T, B, N, D] in fp32. Keeps the spikes as bits.
torch::Tensor spiking_attention(const torch::Tensor& qkv, int64_t heads, double scale);

/// Neurons on sums of spikes: [T, ...] -> spikes of the same shape.
using Fire = std::function<torch::Tensor(const torch::Tensor& sums)>;

/// k AND one bit for each head and token, which fires on the sum of q over the head's channels (QKFormer).
/// qk [T, B, N, 2 D] -> [T, B, N, D]
torch::Tensor qk_token_attention(const torch::Tensor& qk, int64_t heads, const Fire& fire);
/// k AND one bit for each channel, which fires on the sum of q over the tokens (QKFormer).
torch::Tensor qk_channel_attention(const torch::Tensor& qk, const Fire& fire);
/// q AND one bit for each channel, which fires on the sum of k AND v over the tokens (Spike-driven Transformer,
/// SDSA-1). qkv [T, B, N, 3 D] -> [T, B, N, D]
torch::Tensor spike_driven_attention(const torch::Tensor& qkv, const Fire& fire);

}  // namespace spikemix
