// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Pictures have 1 or 3 channels. @throws InputError naming model.channels if a model takes another number
void check_picture_channels(int64_t channels);

/// 1 or 3 channels: grey is repeated; RGB becomes (299 R + 587 G + 114 B) / 1000, as in Pillow's convert("L").
Image with_channels(Image image, int64_t channels);

/// Fits an image to a model: channels are converted, and the largest centred part with the model's shape is resized to
/// height x width (for a square: the shorter side to `height`, then a centre crop). Bilinear; each output pixel
/// averages all the input pixels that it covers, as in Pillow's resize(..., BILINEAR, box). An image that already fits
/// is returned unchanged.
Image fit(Image image, int64_t height, int64_t width, int64_t channels);

}  // namespace spikemix
