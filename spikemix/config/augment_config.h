// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spikemix {

/// The random changes to training inputs, drawn each time an input is used.
struct AugmentConfig {
  int64_t crop_padding = 4;
  bool flip = true, alternate_flip = false;
  double randaugment_magnitude = 0, randaugment_std = 0.4;
  int64_t randaugment_ops = 1;
  double erase_probability = 0, mixup = 0, cutmix = 0, switch_prob = 0.5, label_smoothing = 0.1;
  int64_t mixup_off_epoch = 0;
  int64_t roll = 0, cutout = 0;
  double rotate = 0, shear = 0, scale = 0;
  double event_drop = 0, polarity_flip = 0, time_jitter = 0;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("crop_padding", crop_padding, "random crop of the image padded by this many pixels; 0: none (not for events)");
    v("flip", flip, "horizontal flip of every second image");
    v("alternate_flip", alternate_flip,
      "augment.flip takes each image in every second epoch (chance decides in which) instead of at random in each");
    v("randaugment_magnitude", randaugment_magnitude, "RandAugment magnitude 0 to 10 (timm's m); 0: none");
    v("randaugment_ops", randaugment_ops, "RandAugment operations an image (timm's n)");
    v("randaugment_std", randaugment_std, "standard deviation of the magnitude (timm's mstd)");
    v("erase_probability", erase_probability, "probability of random erasing");
    v("mixup", mixup, "mixup's Beta parameter; 0: none");
    v("cutmix", cutmix, "CutMix's Beta parameter; 0: none");
    v("switch_prob", switch_prob, "share of the batches that CutMix gets if mixup is on too");
    v("mixup_off_epoch", mixup_off_epoch, "no mixup or CutMix from this epoch on; 0: always");
    v("label_smoothing", label_smoothing, "probability mass spread over all classes");
    v("roll", roll, "event frames: shift by up to this many pixels each way, wrapping around");
    v("rotate", rotate,
      "event frames: one of rotate, shear, cutout, scale is drawn; degrees at most, 0: never this one");
    v("shear", shear, "degrees at most, 0: never this one");
    v("cutout", cutout, "side of the square that is emptied, in pixels at most, 0: never this one");
    v("scale", scale, "share by which the picture grows or shrinks at most, 0: never this one");
    v("event_drop", event_drop, "share of a recording's events that is left out");
    v("polarity_flip", polarity_flip, "probability that on and off are swapped in a recording");
    v("time_jitter", time_jitter, "standard deviation of the noise that is added to an event's time, in us");
  }
};

}  // namespace spikemix
