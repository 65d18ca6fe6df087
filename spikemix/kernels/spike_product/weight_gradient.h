#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spikemix/kernels/spike_product/packed_weights.h"
#include "spikemix/kernels/spike_product/spike_lists.h"

namespace spikemix {

/// dW += X' dY for a block of rows and one panel of dY: for each input the sum of dY's rows where it spiked, which is a
/// spike product with the lists transposed. A 3x3 convolution is nine of them: kernel position k sees dY `offsets[k]`
/// rows on.
///
/// @param panel    pack_panel()'s, [rows][width]
/// @param lists    channel_lists_of_...(): a list for each channel; channels [begin, end) are computed
/// @param offsets  one for each kernel position
/// @param dw       [kernel positions, channels, stride]: dw[(k channels + c) stride + o], o < width, is added to
void weight_gradient(WeightType type, const std::byte* panel, int64_t width, const float* scale,
                     const SpikeLists& lists, int64_t begin, int64_t end, std::span<const int64_t> offsets, float* dw,
                     int64_t stride);

}  // namespace spikemix
