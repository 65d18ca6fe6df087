// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/engine/workspace.h"

namespace spikemix {

// The sums before attention's neurons at one time step, from bits [N, words] of heads x d channels. All sums are
// integers.

/// (q k') v of a range of heads, as q (k' v), whose inner product is d x d: for each spike of k the spikes of its
/// token's v are added to a row, and for each spike of q a row is added to the output.
///
/// @param y  [N, heads x d]: channels of the heads [begin, end) are written
void attend(int64_t N, int64_t heads, int64_t d, int64_t begin, int64_t end, const uint64_t* q, const uint64_t* k,
            const uint64_t* v, Workspace::Member& member, float* y);

/// Spikes of each head for each token. @param y  [N, heads]
void sum_heads(int64_t N, int64_t heads, int64_t d, const uint64_t* q, float* y);

/// Spikes of each channel over all tokens; with k, those of q AND k. Writes the channels of the words [begin, end).
/// @param y  [channels]
void sum_tokens(int64_t N, int64_t channels, int64_t begin, int64_t end, const uint64_t* q, const uint64_t* k,
                Workspace::Member& member, float* y);

// Behind the neurons, their bits decide which spikes pass.

/// y = k where a token's head has a gate. @param gates  [N, words of heads]
void gate_heads(int64_t N, int64_t heads, int64_t d, const uint64_t* gates, const uint64_t* k, uint64_t* y);
/// y = k AND gates, [words of channels], at every token.
void gate_channels(int64_t N, int64_t channels, const uint64_t* gates, const uint64_t* k, uint64_t* y);

}  // namespace spikemix
