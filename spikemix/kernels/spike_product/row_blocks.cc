// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/row_blocks.h"

#include <algorithm>

namespace spikemix {
namespace {

// For 64 columns: 128 KiB in 14 bits, 256 KiB in fp32. Long lists for each sum that is loaded and stored.
constexpr int64_t kBlockRows = 1024;

}  // namespace

RowBlocks linear_blocks(int64_t rows) {
  RowBlocks result{.blocks = {}, .offsets = {0}};
  for (int64_t row = 0; row < rows; row += kBlockRows) {
    const RowRange range{row, std::min(kBlockRows, rows - row), 0};
    result.blocks.push_back({{range}, {range}, range.count + 1, range.count});
  }
  return result;
}

RowBlocks conv_blocks(int64_t images, int64_t height, int64_t width) {
  const int64_t pitch = width + 2;
  RowBlocks result;
  for (int64_t ky = 0; ky < 3; ++ky) {
    for (int64_t kx = 0; kx < 3; ++kx) result.offsets.push_back(-(ky - 1) * pitch - (kx - 1));
  }
  const int64_t strip = std::clamp<int64_t>(kBlockRows / pitch - 2, 1, height);
  RowBlock block;
  const auto finish = [&] {
    block.unused = block.rows + pitch + 1;
    block.rows += 2 * (pitch + 1) + 1;
    result.blocks.push_back(std::move(block));
    block = {};
  };
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t top = 0; top < height; top += strip) {
      const int64_t rows = std::min(strip, height - top);
      if (block.rows > 0 && block.rows + (rows + 2) * pitch > kBlockRows) finish();
      for (int64_t y = std::max<int64_t>(0, top - 1); y < std::min(height, top + rows + 1); ++y) {
        const RowRange range{(image * height + y) * width, width, block.rows + (y - top + 1) * pitch + 1};
        block.outputs.push_back(range);
        if (y >= top && y < top + rows) block.inputs.push_back(range);
      }
      block.rows += (rows + 2) * pitch;
    }
  }
  if (block.rows > 0) finish();
  return result;
}

}  // namespace spikemix
