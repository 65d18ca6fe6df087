// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace spikemix {

/// A convolution of each channel separately, kernel x kernel with padding kernel / 2 and stride 1.
struct DepthwiseShape {
  int64_t height, width, C;
  int64_t kernel;  // odd
};

/// Rows [begin, end) of images * height: y = sum over the window of w x, tap by tap, row by row; positions outside the
/// image add nothing. x and y are [images, height, width, C] and do not overlap.
///
/// @param weights  [kernel, kernel, C]
void depthwise_convolution(const DepthwiseShape& shape, int64_t begin, int64_t end, const float* weights,
                           const float* x, float* y);

}  // namespace spikemix
