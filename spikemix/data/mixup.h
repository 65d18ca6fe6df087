// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

#include "spikemix/base/rng.h"
#include "spikemix/config/augment_config.h"

namespace spikemix {

// Pairs of a batch are mixed as in timm's batch mode: image i with image B - 1 - i, all with the same lambda.

/// Rows top .. bottom - 1 and columns left .. right - 1 of an image.
struct Box {
  int64_t top = 0, bottom = 0, left = 0, right = 0;

  int64_t area() const { return (bottom - top) * (right - left); }
  bool operator==(const Box&) const = default;
};

/// The mixing of one batch.
struct Mix {
  double lambda = 1;  ///< each image's own share; 1: no mixing
  bool cut = false;   ///< CutMix: the other image's part is a box, `box`; otherwise mixup
  Box box = {};
};

/// Does it ever mix pairs?
inline bool mixes_pairs(const AugmentConfig& augment) { return augment.mixup > 0 || augment.cutmix > 0; }

/// Draws the mixing of one batch in an epoch before mixup_off_epoch: if both are on, CutMix with switch_prob. lambda
/// comes from Beta(mixup, mixup) or Beta(cutmix, cutmix); for CutMix it then becomes the share that the box, in pixels
/// and cut off at the edges, leaves.
Mix draw_mix(const AugmentConfig& augment, int64_t height, int64_t width, Rng& rng);

/// CutMix's box, 1 - lambda of the area, around a pixel; parts past the edges are cut off (timm's rand_bbox).
Box box_around(int64_t y, int64_t x, int64_t height, int64_t width, double lambda);

/// Mixup (Zhang et al., arXiv 1710.09412): x = lambda x + (1 - lambda) x[::-1], in place; images [B, ...].
void mix_images(std::span<float> images, int64_t batch, double lambda);

/// CutMix (Yun et al., arXiv 1905.04899): x[box] = x[::-1][box], in place; images [B, ..., height, width].
void swap_boxes(std::span<float> images, int64_t batch, int64_t height, int64_t width, const Box& box);

/// The targets [B, classes] for either, with label smoothing: y = lambda onehot(label) + (1 - lambda)
/// onehot(label[::-1]), where onehot is 1 - smoothing + smoothing / classes at the label and smoothing / classes
/// elsewhere. lambda 1: nothing was mixed.
void mix_targets(std::span<const int64_t> labels, int64_t classes, double lambda, double smoothing,
                 std::span<float> targets);

}  // namespace spikemix
