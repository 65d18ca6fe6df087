// SPDX-License-Identifier: MIT
#include "spikemix/data/pixel_ops.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spikemix/data/resize.h"

namespace spikemix {
namespace {

using Histogram = std::array<int64_t, 256>;
using Table = std::array<uint8_t, 256>;

uint8_t clip(double x) { return uint8_t(std::clamp(x, 0.0, 255.0)); }  // truncates, as Pillow does

template <class F>
void map_levels(Image& image, F&& f) {
  Table table;
  for (int level = 0; level < 256; ++level) table[size_t(level)] = f(level);
  for (uint8_t& p : image.pixels) p = table[p];
}

// table_of(histogram) maps each level to a new one, channel by channel.
template <class F>
void map_channels(Image& image, F&& table_of) {
  const size_t C = size_t(image.channels);
  for (size_t c = 0; c < C; ++c) {
    Histogram histogram{};
    for (size_t p = c; p < image.pixels.size(); p += C) ++histogram[image.pixels[p]];
    const Table table = table_of(histogram);
    for (size_t p = c; p < image.pixels.size(); p += C) image.pixels[p] = table[image.pixels[p]];
  }
}

Table identity() {
  Table table;
  for (size_t level = 0; level < 256; ++level) table[level] = uint8_t(level);
  return table;
}

// Image.blend(degenerate, image, factor), in single precision as Pillow computes it.
uint8_t blend(uint8_t degenerate, uint8_t pixel, float factor) {
  return clip(float(degenerate) + factor * (float(pixel) - float(degenerate)));
}

}  // namespace

void autocontrast(Image& image) {
  map_channels(image, [](const Histogram& histogram) {
    int low = 0, high = 255;
    while (low < 256 && histogram[size_t(low)] == 0) ++low;
    while (high >= 0 && histogram[size_t(high)] == 0) --high;
    if (high <= low) return identity();
    const double scale = 255.0 / (high - low), offset = -low * scale;
    Table table;
    for (int level = 0; level < 256; ++level) table[size_t(level)] = clip(level * scale + offset);
    return table;
  });
}

void equalize(Image& image) {
  map_channels(image, [](const Histogram& histogram) {
    int64_t total = 0, last = 0;
    for (const int64_t n : histogram) {
      total += n;
      if (n > 0) last = n;
    }
    const int64_t step = (total - last) / 255;
    if (step == 0) return identity();
    Table table;
    int64_t sum = step / 2;
    for (size_t level = 0; level < 256; ++level) {
      table[level] = uint8_t(std::min<int64_t>(sum / step, 255));
      sum += histogram[level];
    }
    return table;
  });
}

void invert(Image& image) {
  map_levels(image, [](int level) { return uint8_t(255 - level); });
}

void posterize(Image& image, int bits) {
  const int mask = 256 - (1 << (8 - bits));
  map_levels(image, [=](int level) { return uint8_t(level & mask); });
}

void solarize(Image& image, int threshold) {
  map_levels(image, [=](int level) { return uint8_t(level < threshold ? level : 255 - level); });
}

void solarize_add(Image& image, int add) {
  map_levels(image, [=](int level) { return uint8_t(level < 128 ? std::min(255, level + add) : level); });
}

void enhance_color(Image& image, double factor) {
  if (image.channels == 1) return;  // grey stays as it is
  const Image grey = with_channels(image, 1);
  for (size_t p = 0; p < image.pixels.size(); ++p) {
    image.pixels[p] = blend(grey.pixels[p / 3], image.pixels[p], float(factor));
  }
}

void enhance_contrast(Image& image, double factor) {
  double sum = 0;
  const size_t count = image.pixels.size() / size_t(image.channels);
  const Image grey = with_channels(image, 1);
  for (const uint8_t p : grey.pixels) sum += p;
  const auto mean = uint8_t(sum / double(count) + 0.5);
  map_levels(image, [=](int level) { return blend(mean, uint8_t(level), float(factor)); });
}

void enhance_brightness(Image& image, double factor) {
  map_levels(image, [=](int level) { return blend(0, uint8_t(level), float(factor)); });
}

void enhance_sharpness(Image& image, double factor) {
  const std::vector<uint8_t> in = image.pixels;
  const int64_t C = image.channels, row = image.width * C;
  // ImageFilter.SMOOTH: 5 in the middle, 1 around, over 13. The border is copied, so that blending leaves it alone.
  for (int64_t y = 1; y + 1 < image.height; ++y) {
    for (int64_t x = C; x < row - C; ++x) {
      const uint8_t* p = &in[size_t(y * row + x)];
      const int sum = p[-row - C] + p[-row] + p[-row + C] + p[-C] + 5 * p[0] + p[C] + p[row - C] + p[row] + p[row + C];
      const auto smooth = uint8_t((2 * sum + 13) / 26);  // sum / 13 to the nearest
      image.pixels[size_t(y * row + x)] = blend(smooth, p[0], float(factor));
    }
  }
}

void affine(Image& image, const std::array<double, 6>& matrix, const std::array<uint8_t, 3>& fill) {
  const std::vector<uint8_t> in = image.pixels;
  const int64_t C = image.channels, W = image.width, H = image.height;
  uint8_t* out = image.pixels.data();
  for (int64_t oy = 0; oy < H; ++oy) {
    for (int64_t ox = 0; ox < W; ++ox, out += C) {
      const double x = matrix[0] * (double(ox) + 0.5) + matrix[1] * (double(oy) + 0.5) + matrix[2];
      const double y = matrix[3] * (double(ox) + 0.5) + matrix[4] * (double(oy) + 0.5) + matrix[5];
      if (!(x >= 0 && x < double(W) && y >= 0 && y < double(H))) {
        std::copy_n(fill.begin(), C, out);
        continue;
      }
      const double left = std::floor(x - 0.5), top = std::floor(y - 0.5), dx = x - 0.5 - left, dy = y - 0.5 - top;
      const int64_t x0 = std::max<int64_t>(0, int64_t(left)), x1 = std::min(W - 1, int64_t(left) + 1);
      const int64_t y0 = std::max<int64_t>(0, int64_t(top)), y1 = std::min(H - 1, int64_t(top) + 1);
      for (int64_t c = 0; c < C; ++c) {
        const auto at = [&](int64_t yy, int64_t xx) { return double(in[size_t((yy * W + xx) * C + c)]); };
        const double above = at(y0, x0) + (at(y0, x1) - at(y0, x0)) * dx;
        const double beneath = at(y1, x0) + (at(y1, x1) - at(y1, x0)) * dx;
        out[c] = clip(above + (beneath - above) * dy);
      }
    }
  }
}

void rotate(Image& image, double degrees, const std::array<uint8_t, 3>& fill) {
  if (degrees == 0) return;
  // As in Pillow: an angle from 0 to 360 degrees, with sine and cosine rounded to 15 digits, so that 90 degrees are
  // exact.
  if (degrees < 0) degrees += 360;
  const auto rounded = [](double v) { return std::round(v * 1e15) / 1e15; };
  const double angle = -degrees * (std::numbers::pi / 180), c = rounded(std::cos(angle)), s = rounded(std::sin(angle));
  const double x = double(image.width) / 2, y = double(image.height) / 2;
  affine(image, {c, s, -c * x - s * y + x, -s, c, s * x - c * y + y}, fill);
}

}  // namespace spikemix
