#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/kernels/spike_product/channel_lists.h"

namespace spikemix {

/// Rows of X and dY whose weight gradient is made at once: as many as a panel of dY may have and stay in the
/// second-level cache.
struct RowBlock {
  std::vector<RowRun> inputs, outputs;  // rows of X, and rows of dY that they meet
  int64_t places = 0;                   // of the panel; those that no output covers are zeros
  int64_t unused = 0;                   // a place with zeros all around
};

struct RowBlocks {
  std::vector<RowBlock> blocks;
  std::vector<int64_t> offsets;  // of each tap: what input place p adds up is at p + offset
};

/// A linear map: one tap.
RowBlocks linear_blocks(int64_t rows);

/// A 3x3 convolution, padding 1, channels last: nine taps, 3 ky + kx. Strips of images with a frame of zeros around,
/// in which a neighbour is always a fixed number of places away.
RowBlocks conv_blocks(int64_t images, int64_t height, int64_t width);

}  // namespace spikemix
