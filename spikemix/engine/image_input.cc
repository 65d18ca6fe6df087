// SPDX-License-Identifier: MIT
#include "spikemix/engine/image_input.h"

#include "spikemix/base/error.h"

namespace spikemix {

void image_to_input(const ModelCard& card, const uint8_t* pixels, int64_t height, int64_t width, float* input) {
  const ModelConfig& m = card.model;
  if (m.input == "events") throw input_error("the model takes frames of events, not an image");
  if (height != m.height || width != m.width)
    throw input_error("the image has {} x {} pixels, the model takes {} x {}", height, width, m.height, m.width);
  const int64_t plane = height * width;
  for (int64_t c = 0; c < m.channels; ++c) {
    const double mean = card.mean.empty() ? 0.5 : card.mean[size_t(c)];
    const double std = card.std.empty() ? 0.5 : card.std[size_t(c)];
    float of_level[256];
    for (int level = 0; level < 256; ++level) of_level[level] = float((double(level) / 255 - mean) / std);
    for (int64_t p = 0; p < plane; ++p) input[c * plane + p] = of_level[pixels[p * m.channels + c]];
  }
}

}  // namespace spikemix
