#pragma once

#include <cstdint>

namespace spikemix {

/// A convolution of each channel by itself, kernel x kernel with padding kernel / 2 and stride 1.
struct DepthwiseShape {
  int64_t height, width, C;
  int64_t kernel;  // odd
};

/// Rows [begin, end) of images * height: y = sum over the window of w x, tap by tap, row by row; what lies outside adds
/// nothing. x and y are [images, height, width, C] and do not overlap.
///
/// @param weights  [kernel, kernel, C]
void depthwise_convolution(const DepthwiseShape& shape, int64_t begin, int64_t end, const float* weights,
                           const float* x, float* y);

}  // namespace spikemix
