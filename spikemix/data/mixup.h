#pragma once

#include <cstdint>
#include <span>

namespace spikemix {

/// Mixup (Zhang et al., arXiv 1710.09412) over a batch as timm's batch mode: x = lambda x + (1 - lambda) x[::-1], in
/// place; images [B, ...], so image i is mixed with image B - 1 - i.
void mix_images(std::span<float> images, int64_t batch, double lambda);

/// The targets [B, classes] that belong to it, with label smoothing: y = lambda onehot(label) + (1 - lambda)
/// onehot(label[::-1]), where onehot is 1 - smoothing + smoothing / classes at the label and smoothing / classes
/// elsewhere. lambda 1: no mixup.
void mix_targets(std::span<const int64_t> labels, int64_t classes, double lambda, double smoothing,
                 std::span<float> targets);

}  // namespace spikemix
