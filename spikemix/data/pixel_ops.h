// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// Pillow's image operations on 1- or 3-channel images, in place and with exactly equal results: the parts of
/// RandAugment. tests/test_data.py compares each with Pillow itself.

/// ImageOps.autocontrast: each channel stretched to 0..255.
void autocontrast(Image& image);
/// ImageOps.equalize: each channel's histogram is flattened.
void equalize(Image& image);
/// ImageOps.invert.
void invert(Image& image);
/// ImageOps.posterize: keeps the upper `bits` of each byte; 0 gives black.
void posterize(Image& image, int bits);
/// ImageOps.solarize: inverts values of `threshold` and above.
void solarize(Image& image, int threshold);
/// timm's solarize_add: adds to values below 128.
void solarize_add(Image& image, int add);

/// ImageEnhance.Color, Contrast, Brightness, Sharpness: 1 leaves the image unchanged, 0 gives grey, the mean, black, or
/// blur.
void enhance_color(Image& image, double factor);
void enhance_contrast(Image& image, double factor);
void enhance_brightness(Image& image, double factor);
void enhance_sharpness(Image& image, double factor);

/// Image.transform(AFFINE, BILINEAR): the output pixel at (x, y) is read at (a x + b y + c, d x + e y + f) for the
/// matrix (a, b, c, d, e, f); pixels read from outside become `fill`.
void affine(Image& image, const std::array<double, 6>& matrix, const std::array<uint8_t, 3>& fill);
/// Image.rotate(degrees, BILINEAR): counter-clockwise about the centre.
void rotate(Image& image, double degrees, const std::array<uint8_t, 3>& fill);

}  // namespace spikemix
