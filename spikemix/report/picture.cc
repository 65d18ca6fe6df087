// SPDX-License-Identifier: MIT
#include "spikemix/report/picture.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "spikemix/data/resize.h"
#include "spikemix/report/html.h"

namespace spikemix::reports {
namespace {

constexpr int64_t kRasterColumns = 240, kRasterRows = 64, kMapColumns = 640;

struct Colour {
  uint8_t r, g, b;
};
constexpr Colour kPaper{255, 255, 255}, kInk{16, 48, 96}, kBetween{160, 160, 160};

Colour mixed(double share) {
  const auto channel = [&](uint8_t paper, uint8_t ink) {
    return uint8_t(paper + share * (int(ink) - int(paper)) + 0.5);
  };
  return {channel(kPaper.r, kInk.r), channel(kPaper.g, kInk.g), channel(kPaper.b, kInk.b)};
}

class Canvas {
 public:
  Canvas(int64_t width, int64_t height, Colour with)
      : picture_{width, height, std::vector<uint8_t>(size_t(3 * width * height))} {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) set(x, y, with);
    }
  }
  void set(int64_t x, int64_t y, Colour c) {
    uint8_t* const at = picture_.rgb.data() + 3 * (y * picture_.width + x);
    at[0] = c.r, at[1] = c.g, at[2] = c.b;
  }
  RgbPicture take() { return std::move(picture_); }

 private:
  RgbPicture picture_;
};

}  // namespace

std::string base64(std::span<const uint8_t> bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = 0;
    for (size_t k = 0; k < 3; ++k) three = three << 8 | (i + k < bytes.size() ? bytes[i + k] : 0);
    for (size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? kDigits[three >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string html(const RgbPicture& picture, std::string_view alt, std::string_view kind) {
  return fmt::format("<img class=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}\" src=\"data:image/png;base64,{}\">", kind,
                     picture.width, picture.height, escaped(alt), base64(png_bytes(std::span(&picture, 1))));
}

RgbPicture small_picture(Image image, int64_t most) {
  const int64_t longer = std::max(image.height, image.width);
  const auto side = [&](int64_t n) { return longer > most ? std::max<int64_t>(1, n * most / longer) : n; };
  image = fit(std::move(image), side(image.height), side(image.width), 3);
  return {image.width, image.height, std::move(image.pixels)};
}

Raster raster(const LayerSpikes& layer) {
  const int64_t N = layer.rows(), C = layer.channels, room = std::max<int64_t>(1, (kRasterColumns + 1) / layer.T - 1);
  const int64_t tokens = std::min(N, room), channels = std::min(C, kRasterRows);
  Canvas canvas(layer.T * (tokens + 1) - 1, channels, kPaper);
  for (int64_t t = 0; t < layer.T; ++t) {
    for (int64_t y = 0; y < channels; ++y) {
      for (int64_t x = 0; x < tokens; ++x) {
        const int64_t token = x * N / tokens, channel = y * C / channels;
        if (layer.spikes[size_t((t * N + token) * C + channel)] != 0) canvas.set(t * (tokens + 1) + x, y, kInk);
      }
      if (t > 0) canvas.set(t * (tokens + 1) - 1, y, kBetween);
    }
  }
  return {canvas.take(), tokens, channels};
}

RgbPicture firing_map(const LayerSpikes& layer) {
  const int64_t C = layer.channels, W = layer.width;
  const int64_t block = std::max<int64_t>(1, (layer.T * (W + 1) + kMapColumns - 1) / kMapColumns);
  const int64_t height = (layer.height + block - 1) / block, width = (W + block - 1) / block;
  std::vector<int64_t> firing(size_t(layer.T * height * width));
  for (int64_t i = 0; i < layer.T * layer.rows(); ++i) {
    const int64_t t = i / layer.rows(), y = i % layer.rows() / W / block, x = i % W / block;
    const auto channels = layer.spikes.begin() + i * C;
    firing[size_t((t * height + y) * width + x)] +=
        std::accumulate(channels, channels + C, int64_t{0}, [](int64_t sum, int n) { return sum + std::abs(n); });
  }
  const double most = double(std::max<int64_t>(1, *std::ranges::max_element(firing)));
  Canvas canvas(layer.T * (width + 1) - 1, height, kBetween);
  for (size_t i = 0; i < firing.size(); ++i) {
    const int64_t t = int64_t(i) / (height * width), y = int64_t(i) / width % height, x = int64_t(i) % width;
    canvas.set(t * (width + 1) + x, y, mixed(double(firing[i]) / most));
  }
  return canvas.take();
}

RgbPicture shares_picture(const std::vector<int64_t>& counts, int64_t n) {
  Canvas canvas(n, n, kPaper);
  for (int64_t y = 0; y < n; ++y) {
    const auto row = counts.begin() + y * n;
    const double sum = double(std::max<int64_t>(1, std::accumulate(row, row + n, int64_t{0})));
    for (int64_t x = 0; x < n; ++x) canvas.set(x, y, mixed(double(row[x]) / sum));
  }
  return canvas.take();
}

}  // namespace spikemix::reports
