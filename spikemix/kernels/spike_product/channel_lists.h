#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/kernels/spike_product/spike_lists.h"

namespace spikemix {

/// `count` consecutive rows of a matrix, and where they lie in a block: row `row` + i at place `place` + i.
struct RowRun {
  int64_t row, count, place;
};

/// The transposed lists, for weight gradients: unit c is channel c, and its list the places of the rows in which it
/// spiked. Make room in `lists` for every spike first.
///
/// @param bits    [rows, words of C]
/// @param unused  the place that fills lists up; all places are below it
void channel_lists_of_spikes(std::span<const RowRun> runs, int64_t C, const uint64_t* bits, int64_t unused,
                             SpikeLists& lists);

/// The same for small integers, `planes` planes to a channel, the highest first: counts [rows, C rounded up to 64].
void channel_lists_of_counts(std::span<const RowRun> runs, int64_t C, const uint8_t* counts, int64_t planes,
                             int64_t unused, SpikeLists& lists);

}  // namespace spikemix
