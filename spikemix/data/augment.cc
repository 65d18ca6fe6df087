// SPDX-License-Identifier: MIT
#include "spikemix/data/augment.h"

#include <algorithm>
#include <cmath>

#include "spikemix/formats/model_card.h"

namespace spikemix {

void random_crop(Image& image, int64_t padding, Rng& rng, std::vector<uint8_t>& scratch) {
  if (padding == 0) return;
  const int64_t dy = int64_t(rng.below(uint64_t(2 * padding + 1))) - padding;
  const int64_t dx = int64_t(rng.below(uint64_t(2 * padding + 1))) - padding;
  if (dy == 0 && dx == 0) return;
  scratch.assign(image.pixels.size(), 0);
  const int64_t C = image.channels, row = image.width * C;
  const int64_t left = std::max<int64_t>(0, -dx), right = std::min(image.width, image.width - dx);
  for (int64_t y = std::max<int64_t>(0, -dy); y < std::min(image.height, image.height - dy) && left < right; ++y) {
    std::copy_n(&image.pixels[size_t((y + dy) * row + (left + dx) * C)], (right - left) * C,
                &scratch[size_t(y * row + left * C)]);
  }
  image.pixels.swap(scratch);
}

void flip_horizontally(Image& image) {
  const int64_t C = image.channels;
  for (int64_t y = 0; y < image.height; ++y) {
    uint8_t* row = &image.pixels[size_t(y * image.width * C)];
    for (int64_t left = 0, right = image.width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * C, row + (left + 1) * C, row + right * C);
    }
  }
}

Normaliser::Normaliser(std::span<const double> mean, std::span<const double> std, int64_t channels)
    : table_(size_t(channels)) {
  const auto check = [&](const char* key, std::span<const double> values) {
    if (!values.empty() && int64_t(values.size()) != channels) {
      throw input_error("{}: {} values, expected {}, one for each channel", key, values.size(), channels);
    }
  };
  check("data.mean", mean);
  check("data.std", std);
  for (size_t c = 0; c < table_.size(); ++c) {
    const double m = mean.empty() ? kUsualMean : mean[c], s = std.empty() ? kUsualStd : std[c];
    if (!(s > 0)) throw input_error("data.std: {}, expected more than 0", s);
    for (size_t level = 0; level < 256; ++level) table_[c][level] = float((double(level) / 255 - m) / s);
    if (c < fill_.size()) fill_[c] = uint8_t(std::clamp(std::nearbyint(255 * m), 0.0, 255.0));
  }
}

void Normaliser::operator()(const Image& image, float* chw) const {
  const size_t C = table_.size(), plane = size_t(image.height * image.width);
  for (size_t c = 0; c < C; ++c) {
    for (size_t p = 0; p < plane; ++p) chw[c * plane + p] = table_[c][image.pixels[p * C + c]];
  }
}

void random_erase(float* chw, int64_t channels, int64_t height, int64_t width, double probability, Rng& rng) {
  constexpr double kMinArea = 0.02, kMaxArea = 1.0 / 3, kMinAspect = 0.3;
  if (!rng.coin(probability)) return;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = rng.uniform(kMinArea, kMaxArea) * double(height * width);
    const double aspect = std::exp(rng.uniform(std::log(kMinAspect), -std::log(kMinAspect)));
    const auto h = int64_t(std::nearbyint(std::sqrt(area * aspect)));
    const auto w = int64_t(std::nearbyint(std::sqrt(area / aspect)));
    if (h >= height || w >= width) continue;
    const auto top = int64_t(rng.below(uint64_t(height - h + 1))), left = int64_t(rng.below(uint64_t(width - w + 1)));
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t y = top; y < top + h; ++y) std::fill_n(chw + (c * height + y) * width + left, w, 0.0f);
    }
    return;
  }
}

}  // namespace spikemix
