// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "spikemix/base/rng.h"
#include "spikemix/events/frames.h"

namespace spikemix {

/// Augmentation of frames, "NDA" (Li et al., ECCV 2022): the picture is mirrored with `flip`'s probability and rolled;
/// then one of rotation, shear, cutout and scaling is applied, drawn with equal chances among those that are not off
/// (0). All time steps and both polarities of a sample are treated alike.
struct FrameAugmentation {
  double flip = 0.5;   ///< probability
  int64_t roll = 5;    ///< at most this many pixels in each direction; what leaves on one side enters on the other
  double rotate = 15;  ///< degrees at most, either way
  double shear = 15;   ///< degrees at most, either way, along the rows
  int64_t cutout = 8;  ///< largest side of the square that becomes zeros
  double scale = 0;    ///< largest share by which the picture grows or shrinks
};

/// A function of the frames and rng's state. Counts stay counts: the nearest pixel is taken, and zeros from outside.
void augment(Frames& frames, const FrameAugmentation& augmentation, Rng& rng);

struct EventAugmentation {
  double drop = 0;           ///< share of the events to leave out, each drawn separately
  double polarity_flip = 0;  ///< probability that on and off are swapped in the whole recording
  double mirror = 0;         ///< probability that left and right are swapped
  double jitter_us = 0;      ///< standard deviation of the noise added to each time
};

/// Events are in order of time, before and after.
void augment(std::vector<Event>& events, SensorSize sensor, const EventAugmentation& augmentation, Rng& rng);

}  // namespace spikemix
