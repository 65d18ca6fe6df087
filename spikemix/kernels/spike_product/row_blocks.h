// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/kernels/spike_product/channel_lists.h"

namespace spikemix {

/// Rows of X and dY whose weight gradient is computed at once: as many as a panel of dY can have and stay in the
/// second-level cache.
struct RowBlock {
  std::vector<RowRange> inputs, outputs;  // rows of X, and the rows of dY that they meet
  int64_t rows = 0;                       // of the panel; rows that no output covers are zeros
  int64_t unused = 0;                     // a row with zeros all around it
};

struct RowBlocks {
  std::vector<RowBlock> blocks;
  std::vector<int64_t> offsets;  // for each kernel position: row p of X meets row p + offset of the panel
};

/// A linear map: one kernel position.
RowBlocks linear_blocks(int64_t rows);

/// A 3x3 convolution, padding 1, channels last: nine kernel positions, 3 ky + kx. Strips of images with a border of
/// zeros, in which a neighbour is always a fixed number of rows away.
RowBlocks conv_blocks(int64_t images, int64_t height, int64_t width);

}  // namespace spikemix
