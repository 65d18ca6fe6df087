// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <span>

#include "spikemix/base/rng.h"
#include "spikemix/config/augment_config.h"
#include "spikemix/data/dataset.h"

namespace spikemix {

/// One operation of RandAugment. Magnitudes run from 0 to 10.
struct RandAugmentOp {
  const char* name;  ///< timm's
  /// The argument at this magnitude: degrees, a factor, a threshold, a share of the width. `negate`: the other
  /// direction, for operations that have two.
  double (*argument)(double magnitude, bool negate);
  void (*apply)(Image&, double argument, const std::array<uint8_t, 3>& fill);
};

/// The fifteen operations of timm's "rand-...-inc1", where a higher magnitude always changes more.
std::span<const RandAugmentOp> randaugment_ops();

/// RandAugment (Cubuk et al., arXiv 1909.13719) as in timm's rand-m{magnitude}-n{ops}-mstd{std}-inc1: `ops` times, one
/// of the fifteen is drawn with replacement and applied with probability 0.5, at a magnitude from normal(magnitude,
/// std) clipped to 0..10. Geometric ones fill with `fill`. One difference: they are always bilinear, whereas timm
/// chooses bilinear or bicubic at random.
void randaugment(Image& image, const AugmentConfig& config, const std::array<uint8_t, 3>& fill, Rng& rng);

}  // namespace spikemix
