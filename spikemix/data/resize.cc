// SPDX-License-Identifier: MIT
#include "spikemix/data/resize.h"

#include <algorithm>
#include <new>

#include <stb_image_resize.h>

#include "spikemix/base/error.h"

namespace spikemix {

void check_picture_channels(int64_t channels) {
  if (channels != 1 && channels != 3)
    throw input_error("model.channels = {}: pictures have 3, or 1 for grey", channels);
}

Image with_channels(Image image, int64_t channels) {
  if (image.channels == channels) return image;
  check_picture_channels(channels);
  const size_t count = size_t(image.height * image.width);
  std::vector<uint8_t> pixels(count * size_t(channels));
  for (size_t i = 0; i < count; ++i) {
    if (channels == 1) {  // with Pillow's weights, in 16 bits of fraction
      const uint8_t* p = &image.pixels[3 * i];
      pixels[i] = uint8_t((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
    } else {
      std::fill_n(&pixels[3 * i], 3, image.pixels[i]);
    }
  }
  return {image.height, image.width, channels, std::move(pixels)};
}

Image fit(Image image, int64_t height, int64_t width, int64_t channels) {
  image = with_channels(std::move(image), channels);
  if (image.height == height && image.width == width) return image;
  // The part to keep, as fractions of the source. Cropping first bounds the work: a 1 x 65535 image never becomes huge.
  const double scale = std::min(double(image.height) / double(height), double(image.width) / double(width));
  const double kept_y = scale * double(height) / double(image.height),
               kept_x = scale * double(width) / double(image.width);
  Image out{height, width, channels, std::vector<uint8_t>(size_t(height * width * channels))};
  const int done = stbir_resize_region(
      image.pixels.data(), int(image.width), int(image.height), 0, out.pixels.data(), int(width), int(height), 0,
      STBIR_TYPE_UINT8, int(channels), STBIR_ALPHA_CHANNEL_NONE, 0, STBIR_EDGE_CLAMP, STBIR_EDGE_CLAMP,
      STBIR_FILTER_TRIANGLE, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR, nullptr, float((1 - kept_x) / 2),
      float((1 - kept_y) / 2), float((1 + kept_x) / 2), float((1 + kept_y) / 2));
  if (done == 0) throw std::bad_alloc();  // it fails for no other reason
  return out;
}

}  // namespace spikemix
