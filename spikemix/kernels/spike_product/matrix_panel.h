// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spikemix/kernels/spike_product/channel_lists.h"
#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// Columns of a row-major matrix [rows, stride] as a panel whose rows can be added: transposed weights in the forward
/// pass, dY in the weight gradient. kF32 holds the values; kU16 holds them rounded to 14 bits of each column's largest,
/// four rows to an addition (packed_weights.h).
struct PanelSource {
  int64_t first = 0, count = 0;  // columns
  int64_t stride = 0;
  int64_t rows = 0;  // of the panel; rows outside all ranges hold zeros
};

/// @param panel  [rows][width] of the type's weights
/// @param scale  [width]: factor for each sum; zero after `count`
void pack_panel(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const float* matrix,
                int64_t width, std::byte* panel, float* scale);
void pack_panel(WeightType type, const PanelSource& source, std::span<const RowRange> ranges, const Bfloat16* matrix,
                int64_t width, std::byte* panel, float* scale);

}  // namespace spikemix
