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

/// Of [height, width, channels] bytes: of three or more the first are red, green and blue, and their luma is taken.
Intensity intensity_of(std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels);

/// Everything that `spikemix events simulate` can be told. Thresholds are differences of the natural logarithm of the
/// intensity.
struct SimulatorOptions {
  SensorSize sensor = {128, 128};
  double duration_ms = 100;
  int loops = 1;         ///< times that the closed path is gone along
  double amplitude = 6;  ///< pixels of the sensor from the path's middle to its corners
  double on_threshold = 0.25, off_threshold = 0.25;
  double mismatch = 0.03;  ///< standard deviation of the thresholds from pixel to pixel
  double refractory_us = 200;
  double background_hz = 0.5;  ///< events of either polarity that a pixel makes of nothing
  double leak_hz = 0.1;        ///< on events that a pixel makes because its memory leaks
  double dark = 0.05;          ///< intensity added before the logarithm: the photodiode's dark current
  uint64_t seed = 0;
};

/// A camera before which pictures are moved, as CIFAR10-DVS was made: along a closed path of four saccades (a square
/// that stands on its corner, at constant speed), filling the sensor, their edges continued beyond it.
///
/// A pixel remembers the logarithm of the intensity at its last event and makes an event each time that the present one
/// differs from it by its threshold; the event's time is interpolated between samples, which are at most 1 ms and half
/// a pixel apart; what falls into the refractory time after an event is lost. Thresholds differ from pixel to pixel,
/// the same for all pictures of a seed: they are the sensor's. Background noise is a Poisson process for each pixel.
class EventSimulator {
 public:
  /// @throws InputError for an option that makes no sense
  explicit EventSimulator(const SimulatorOptions& options);

  /// The events of picture number `index`, in order of time: a function of (seed, index, picture). Thread-safe.
  /// Cost: 4 multiplications a pixel and sample, and some 20 ns an event; about 3 ms for 128 x 128 pixels and 100 ms.
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
