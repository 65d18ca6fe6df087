// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spike_product/spike_lists.h"

namespace spikemix {

/// dW += X' dY for a block of rows and one panel of dY: for each input, the sum of the rows of dY where it spiked,
/// which is a spike product with transposed lists. A 3x3 convolution needs nine of them: kernel position k reads dY
/// `offsets[k]` rows further on.
///
/// @param panel    pack_panel()'s, [rows][width]
/// @param lists    channel_lists_of_...(): a list for each channel; channels [begin, end) are computed
/// @param offsets  one for each kernel position
/// @param dw       [kernel positions, channels, stride]: dw[(k channels + c) stride + o], o < width, is added to
void weight_gradient(WeightType type, const std::byte* panel, int64_t width, const float* scale,
                     const SpikeLists& lists, int64_t begin, int64_t end, std::span<const int64_t> offsets, float* dw,
                     int64_t stride);

}  // namespace spikemix
