// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// Convolutions 3x3 with stride 1 and padding 1 by Winograd's F(4x4, 3x3) (Lavin and Gray 2016, arXiv 1509.09308): a
/// tile of 4x4 outputs is computed from 6x6 inputs at 36 points, so that 36 multiplications for each pair of channels
/// replace 144. This file has the maps to the points and back; between them come 36 matrix products.
struct WinogradTiles {
  static constexpr int64_t kPoints = 36;
  /// The point whose value is added equally to all 16 outputs.
  static constexpr int64_t kOnes = 7;
  int64_t H, W;
  int64_t rows() const { return (H + 3) / 4; }
  int64_t columns() const { return (W + 3) / 4; }
  int64_t of_image() const { return rows() * columns(); }
};

/// Kernels w [pairs of channels, 3, 3] at the points, rotated by 180 degrees, as the gradient of a convolution's input
/// needs them: the pairs [begin, end) of points [36, pairs], whose rows are `stride` values apart.
void winograd_weights(int64_t begin, int64_t end, const float* w, int64_t stride, float* points);

/// Tiles [begin, end), numbered through the images row by row: x [images, H, W, C] -> points [36, end - begin, C].
void winograd_inputs(const WinogradTiles&, int64_t C, int64_t begin, int64_t end, const float* x, float* points);
void winograd_inputs(const WinogradTiles&, int64_t C, int64_t begin, int64_t end, const Bfloat16* x, float* points);

/// The same tiles of y [images, H, W, C] from points [36, end - begin, C].
void winograd_outputs(const WinogradTiles&, int64_t C, int64_t begin, int64_t end, const float* points, float* y);
void winograd_outputs(const WinogradTiles&, int64_t C, int64_t begin, int64_t end, const float* points, Bfloat16* y);

}  // namespace spikemix
