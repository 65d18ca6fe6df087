// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/kernels/spike_product/spike_lists.h"

namespace spikemix {

/// Consecutive rows of a matrix and their place in a block (row_blocks.h): row `first` + i of the matrix is row
/// `block_row` + i of the block.
struct RowRange {
  int64_t first, count, block_row;
};

/// The transposed lists, for weight gradients: list c belongs to channel c and holds the block rows in which it spiked.
/// `lists` must already have room for every spike.
///
/// @param bits    [rows, words of C]
/// @param unused  the block row that pads lists; all others are below it
void channel_lists_of_spikes(std::span<const RowRange> ranges, int64_t C, const uint64_t* bits, int64_t unused,
                             SpikeLists& lists);

/// The same for small integers, `planes` planes for each channel, the highest first: counts [rows, C rounded up to 64].
void channel_lists_of_counts(std::span<const RowRange> ranges, int64_t C, const uint8_t* counts, int64_t planes,
                             int64_t unused, SpikeLists& lists);

}  // namespace spikemix
