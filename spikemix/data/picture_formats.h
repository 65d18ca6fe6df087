// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "spikemix/data/dataset.h"

// One decoder for each format, chosen by decode_image. Each checks the size before it allocates memory.
namespace spikemix {

using PictureBytes = std::span<const uint8_t>;

/// A black image. @throws InputError if it is larger than kMaxPixels, or empty
Image new_image(std::string_view name, int64_t height, int64_t width, int64_t channels);

[[noreturn]] void damaged_picture(std::string_view name, std::string_view format, std::string_view why);

/// Colours by index; missing ones are black.
using Palette = std::array<std::array<uint8_t, 3>, 256>;

/// Replaces the indices of a picture with one channel by their colours.
Image look_up(const Image& indices, const Palette& palette);

/// Converts ink (255 means none) to R, G and B as Pillow does, without a colour profile.
inline void ink_to_rgb(const uint8_t* ink, uint8_t* rgb) {
  for (int c = 0; c < 3; ++c) {
    const int product = (255 - ink[c]) * ink[3] + 128;
    const int value = ink[3] - (((product >> 8) + product) >> 8);
    rgb[c] = uint8_t(value < 0 ? 0 : value);
  }
}

Image decode_jpeg(PictureBytes bytes, std::string_view name);
Image decode_png(PictureBytes bytes, std::string_view name);
Image decode_webp(PictureBytes bytes, std::string_view name);
Image decode_gif(PictureBytes bytes, std::string_view name);
Image decode_bmp(PictureBytes bytes, std::string_view name);
Image decode_tiff(PictureBytes bytes, std::string_view name);
Image decode_pnm(PictureBytes bytes, std::string_view name);

}  // namespace spikemix
