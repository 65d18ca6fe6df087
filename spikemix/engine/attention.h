#pragma once

#include <cstdint>

#include "spikemix/engine/workspace.h"

namespace spikemix {

/// (q k') v of one time step and head range, from spikes: as q (k' v), whose inner product is d x d: for each spike of
/// k the spikes of its token's v are added to a row, and for each spike of q a row is added up. All sums are integers.
///
/// @param q, k, v  [N, words] bits of heads x d channels
/// @param y        [N, heads x d]: channels of the heads [begin, end) are written
void attend(int64_t N, int64_t heads, int64_t d, int64_t begin, int64_t end, const uint64_t* q, const uint64_t* k,
            const uint64_t* v, Workspace::Member& member, float* y);

}  // namespace spikemix
