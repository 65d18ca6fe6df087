// SPDX-License-Identifier: MIT
#include "spikemix/data/mixup.h"

#include <algorithm>
#include <cmath>

namespace spikemix {

Mix draw_mix(const AugmentConfig& augment, int64_t height, int64_t width, Rng& rng) {
  if (!mixes_pairs(augment)) return {};
  const bool both = augment.mixup > 0 && augment.cutmix > 0;
  const bool cut = both ? rng.coin(augment.switch_prob) : augment.cutmix > 0;
  Mix mix{.lambda = rng.beta(cut ? augment.cutmix : augment.mixup), .cut = cut};
  if (!cut) return mix;
  const auto y = int64_t(rng.below(uint64_t(height))), x = int64_t(rng.below(uint64_t(width)));
  mix.box = box_around(y, x, height, width, mix.lambda);
  mix.lambda = 1 - double(mix.box.area()) / double(height * width);
  return mix;
}

Box box_around(int64_t y, int64_t x, int64_t height, int64_t width, double lambda) {
  const double side = std::sqrt(1 - lambda);
  const int64_t dy = int64_t(double(height) * side) / 2, dx = int64_t(double(width) * side) / 2;
  const auto within = [](int64_t place, int64_t end) { return std::clamp<int64_t>(place, 0, end); };
  return {within(y - dy, height), within(y + dy, height), within(x - dx, width), within(x + dx, width)};
}

void swap_boxes(std::span<float> images, int64_t batch, int64_t height, int64_t width, const Box& box) {
  const int64_t image = int64_t(images.size()) / batch;
  for (int64_t i = 0; i < batch / 2; ++i) {
    float *a = images.data() + i * image, *b = images.data() + (batch - 1 - i) * image;
    for (int64_t plane = 0; plane < image; plane += height * width) {
      for (int64_t y = box.top; y < box.bottom; ++y) {
        const int64_t row = plane + y * width;
        std::swap_ranges(a + row + box.left, a + row + box.right, b + row + box.left);
      }
    }
  }
}

void mix_images(std::span<float> images, int64_t batch, double lambda) {
  const int64_t image = int64_t(images.size()) / batch;
  const auto own = float(lambda), other = float(1 - lambda);
  // The middle image of an odd batch would be mixed with itself.
  for (int64_t i = 0; i < batch / 2; ++i) {
    float *a = images.data() + i * image, *b = images.data() + (batch - 1 - i) * image;
    for (int64_t p = 0; p < image; ++p) {
      const float x = a[p], y = b[p];
      a[p] = own * x + other * y;
      b[p] = own * y + other * x;
    }
  }
}

void mix_targets(std::span<const int64_t> labels, int64_t classes, double lambda, double smoothing,
                 std::span<float> targets) {
  const double off = smoothing / double(classes), on = 1 - smoothing + off;
  std::ranges::fill(targets, float(off));
  const int64_t batch = int64_t(labels.size());
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t own = labels[size_t(i)], other = labels[size_t(batch - 1 - i)];
    float* row = targets.data() + i * classes;
    if (own == other) {
      row[own] = float(on);
    } else {
      row[own] = float(on * lambda + off * (1 - lambda));
      row[other] = float(off * lambda + on * (1 - lambda));
    }
  }
}

}  // namespace spikemix
