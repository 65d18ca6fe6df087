// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace spikemix {

/// The order in which a program multiplies q k' v if nothing stands between the products. The sums are the same.
enum class AttentionOrder {
  kQueryKey,  ///< (q k') v, as published code writes it: 2 N^2 d multiply-adds for each head
  kKeyValue,  ///< q (k' v): 2 N d^2
};

/// Floats of working memory: the three matrices, and one head's intermediate result, [N, N] or [d, d]. A program that
/// multiplies all heads at once holds one for each head.
int64_t dense_attention_floats(AttentionOrder order, int64_t N, int64_t heads, int64_t d);

/// Attention's sums of one time step by dense fp32 matrix products, head by head, as a program computes them that
/// treats spikes as numbers: the baseline for the engine's kernel. The sums are whole numbers, and exact up to 2^24.
///
/// @param q, k, v  bits [N, words of heads x d channels]
/// @param scratch  dense_attention_floats()
/// @param y        [N, heads x d]
void dense_attention(AttentionOrder order, int64_t N, int64_t heads, int64_t d, const uint64_t* q, const uint64_t* k,
                     const uint64_t* v, float* scratch, float* y);

}  // namespace spikemix
