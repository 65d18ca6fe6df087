#include "spikemix/kernels/spike_product/row_blocks.h"

#include <algorithm>

namespace spikemix {
namespace {

// Of 64 columns: 128 KiB in 14 bits, 256 KiB in fp32. Long lists for each sum that is loaded and stored.
constexpr int64_t kPlaces = 1024;

}  // namespace

RowBlocks linear_blocks(int64_t rows) {
  RowBlocks result{.blocks = {}, .offsets = {0}};
  for (int64_t row = 0; row < rows; row += kPlaces) {
    const RowRun run{row, std::min(kPlaces, rows - row), 0};
    result.blocks.push_back({{run}, {run}, run.count + 1, run.count});
  }
  return result;
}

RowBlocks conv_blocks(int64_t images, int64_t height, int64_t width) {
  const int64_t pitch = width + 2;
  RowBlocks result;
  for (int64_t ky = 0; ky < 3; ++ky) {
    for (int64_t kx = 0; kx < 3; ++kx) result.offsets.push_back(-(ky - 1) * pitch - (kx - 1));
  }
  const int64_t strip = std::clamp<int64_t>(kPlaces / pitch - 2, 1, height);
  RowBlock block;
  const auto finish = [&] {
    block.unused = block.places + pitch + 1;
    block.places += 2 * (pitch + 1) + 1;
    result.blocks.push_back(std::move(block));
    block = {};
  };
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t top = 0; top < height; top += strip) {
      const int64_t rows = std::min(strip, height - top);
      if (block.places > 0 && block.places + (rows + 2) * pitch > kPlaces) finish();
      for (int64_t y = std::max<int64_t>(0, top - 1); y < std::min(height, top + rows + 1); ++y) {
        const RowRun run{(image * height + y) * width, width, block.places + (y - top + 1) * pitch + 1};
        block.outputs.push_back(run);
        if (y >= top && y < top + rows) block.inputs.push_back(run);
      }
      block.places += (rows + 2) * pitch;
    }
  }
  if (block.places > 0) finish();
  return result;
}

}  // namespace spikemix
