// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spikemix {

/// The data that a run trains and is tested on, and how they become inputs.
struct DataConfig {
  std::string dir, format = "auto", cache;
  int64_t train_images = 0, test_images = 0, skip_bad = 0;
  double validation = 0;
  std::vector<double> mean, std;
  std::string frames = "count", frame_values = "sum", sensor, time_unit;

  template <class Visitor>
  void visit(Visitor&& v) {
    v("dir", dir, "folder or archive of the data set; --data sets it");
    v("format", format, "auto, or one of `spikemix data formats`");
    v("cache", cache,
      "folder for decoded pictures and recordings; off: none; empty: $SPIKEMIX_CACHE, or ~/.cache/spikemix");
    v("train_images", train_images, "use this many training images, the same share of each class; 0: all");
    v("test_images", test_images, "use this many test images; 0: all");
    v("validation", validation,
      "share of the training images that is kept for validation and never learned from: they choose the best epoch, "
      "and the test images are used once, at the end; 0: the test images choose the best epoch, as published");
    v("skip_bad", skip_bad,
      "leave out up to this many damaged pictures or recordings of each split, and name them; 0: a damaged one is an "
      "error");
    v("mean", mean, "mean of each channel, in 0..1; empty: 0.5 each");
    v("std", std, "standard deviation of each channel, in 0..1; empty: 0.5 each");
    v("sensor", sensor, "WIDTHxHEIGHT of the recordings' sensor; overrides what their files say; --size sets it");
    v("time_unit", time_unit,
      "unit of an npz's times: s, ms, us or ns; empty: whole microseconds; --time-unit sets it");
    v("frames", frames, "how a recording is cut into T frames: count (equally many events) or time (equally long)");
    v("frame_values", frame_values,
      "value of a frame's pixel: sum (number of its events) or binary (1 if there is any)");
  }
};

}  // namespace spikemix
