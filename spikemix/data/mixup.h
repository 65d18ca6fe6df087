#pragma once

#include <cstdint>
#include <span>

#include "spikemix/base/rng.h"
#include "spikemix/config/augment_config.h"

namespace spikemix {

// Pairs of a batch are mixed as timm's batch mode does it: image i with image B - 1 - i, all by the same lambda.

/// Rows top .. bottom - 1 and columns left .. right - 1 of an image.
struct Box {
  int64_t top = 0, bottom = 0, left = 0, right = 0;

  int64_t area() const { return (bottom - top) * (right - left); }
  bool operator==(const Box&) const = default;
};

/// What is done to one batch.
struct Mix {
  double lambda = 1;  ///< each image's own share; 1: nothing is done
  bool cut = false;   ///< CutMix: the other's part is a box, `box`; else mixup
  Box box = {};
};

/// Does it ever mix pairs?
inline bool mixes_pairs(const AugmentConfig& augment) { return augment.mixup > 0 || augment.cutmix > 0; }

/// That of one batch in an epoch before mixup_off_epoch: where there are both, CutMix with switch_prob. lambda is of
/// Beta(mixup, mixup) or Beta(cutmix, cutmix); CutMix's is then what the box, in pixels and cut off at the edges,
/// leaves.
Mix draw_mix(const AugmentConfig& augment, int64_t height, int64_t width, Rng& rng);

/// CutMix's box, 1 - lambda of the area, around a pixel; what goes beyond the edges is cut off (timm's rand_bbox).
Box box_around(int64_t y, int64_t x, int64_t height, int64_t width, double lambda);

/// Mixup (Zhang et al., arXiv 1710.09412): x = lambda x + (1 - lambda) x[::-1], in place; images [B, ...].
void mix_images(std::span<float> images, int64_t batch, double lambda);

/// CutMix (Yun et al., arXiv 1905.04899): x[box] = x[::-1][box], in place; images [B, ..., height, width].
void swap_boxes(std::span<float> images, int64_t batch, int64_t height, int64_t width, const Box& box);

/// The targets [B, classes] that belong to either, with label smoothing: y = lambda onehot(label) + (1 - lambda)
/// onehot(label[::-1]), where onehot is 1 - smoothing + smoothing / classes at the label and smoothing / classes
/// elsewhere. lambda 1: nothing was mixed.
void mix_targets(std::span<const int64_t> labels, int64_t classes, double lambda, double smoothing,
                 std::span<float> targets);

}  // namespace spikemix
