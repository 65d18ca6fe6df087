#include "spikemix/data/mixup.h"

#include <algorithm>

namespace spikemix {

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
