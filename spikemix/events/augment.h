#pragma once

#include <vector>

#include "spikemix/base/rng.h"
#include "spikemix/events/frames.h"

namespace spikemix {

/// Augmentation of frames, "NDA" (Li et al., ECCV 2022): the picture mirrored with `flip`'s probability and rolled;
/// then one of rotation, shear, cutout and scaling, drawn with equal chances among those that are not off (0). The same
/// for all time steps and both polarities of a sample.
struct FrameAugmentation {
  double flip = 0.5;   ///< probability
  int64_t roll = 5;    ///< pixels in each direction at most; what leaves on one side enters on the other
  double rotate = 15;  ///< degrees at most, either way
  double shear = 15;   ///< degrees at most, either way, along the rows
  int64_t cutout = 8;  ///< side of the square that becomes zeros, at most
  double scale = 0;    ///< share by which the picture grows or shrinks at most
};

/// A function of the frames and rng's state. Counts stay counts: the nearest pixel, zeros from outside.
void augment(Frames& frames, const FrameAugmentation& augmentation, Rng& rng);

struct EventAugmentation {
  double drop = 0;           ///< share of the events that is left out, each by itself
  double polarity_flip = 0;  ///< probability that on and off change places in the whole recording
  double mirror = 0;         ///< probability that left and right change places
  double jitter_us = 0;      ///< standard deviation of what is added to each time
};

/// Events in order of time, before and after.
void augment(std::vector<Event>& events, SensorSize sensor, const EventAugmentation& augmentation, Rng& rng);

}  // namespace spikemix
