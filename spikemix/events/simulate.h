// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/events/event.h"

namespace spikemix {

/// A picture of one channel, [height, width] intensities from 0 to 1, row-major.
struct Intensity {
  int64_t height = 0, width = 0;
  std::vector<float> values;
};

/// Converts [height, width, channels] bytes: with three or more channels, the first are red, green and blue, and their
/// luma is used.
Intensity intensity_of(std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels);

/// The options of `spikemix events simulate`. Thresholds are differences of the natural logarithm of the intensity.
struct SimulatorOptions {
  SensorSize sensor = {128, 128};
  double duration_ms = 100;
  int loops = 1;         ///< number of times around the closed path
  double amplitude = 6;  ///< pixels of the sensor from the path's middle to its corners
  double on_threshold = 0.25, off_threshold = 0.25;
  double mismatch = 0.03;  ///< standard deviation of the thresholds from pixel to pixel
  double refractory_us = 200;
  double background_hz = 0.5;  ///< spontaneous events of either polarity
  double leak_hz = 0.1;        ///< on events because a pixel's memory leaks
  double dark = 0.05;          ///< intensity added before the logarithm: the photodiode's dark current
  uint64_t seed = 0;
};

/// A camera in front of which pictures are moved, as for CIFAR10-DVS: along a closed path of four saccades (a square
/// standing on its corner, at constant speed), filling the sensor, with their edges extended past it.
///
/// A pixel remembers the logarithm of the intensity at its last event and makes an event each time the present one
/// differs from it by its threshold. The event's time is interpolated between samples, which are at most 1 ms and half
/// a pixel apart; events within the refractory time after another are lost. Thresholds differ from pixel to pixel, and
/// are the same for all pictures of a seed, because they belong to the sensor. Background noise is a Poisson process
/// for each pixel.
class EventSimulator {
 public:
  /// @throws InputError for an option that makes no sense
  explicit EventSimulator(const SimulatorOptions& options);

  /// The events of picture number `index`, in order of time: a function of (seed, index, picture). Thread-safe.
  /// Cost: 4 multiplications for each pixel and sample, and about 20 ns for each event; about 3 ms for 128 x 128 pixels
  /// and 100 ms.
  std::vector<Event> simulate(const Intensity& picture, uint64_t index) const;

 private:
  /// How far the picture has moved, in pixels.
  struct Offset {
    double x, y;
  };
  Offset offset_at(double share) const;

  SimulatorOptions options_;
  int64_t samples_, margin_;
  std::vector<float> on_, off_;  // [height, width] thresholds
};

}  // namespace spikemix
