#pragma once

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Pictures have 1 or 3 channels. @throws InputError naming model.channels if a model takes another number of them
void check_picture_channels(int64_t channels);

/// 1 or 3 channels: grey is repeated; RGB becomes (299 R + 587 G + 114 B) / 1000, as Pillow's convert("L").
Image with_channels(Image image, int64_t channels);

/// The image as the model wants it: channels converted, the largest centred part of the model's shape resized to
/// height x width (for a square: the shorter side to `height`, then a centre crop). Bilinear; each output pixel
/// averages all the input pixels that it covers: Pillow's resize(..., BILINEAR, box). An image that fits is returned as
/// it is.
Image fit(Image image, int64_t height, int64_t width, int64_t channels);

}  // namespace spikemix
