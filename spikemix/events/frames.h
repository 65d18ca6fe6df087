// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spikemix/events/event.h"

namespace spikemix {

struct FrameOptions {
  enum class Split {
    kNumber,  ///< each frame has floor(N / T) of the N events; the last one also has the rest
    kTime     ///< each frame lasts floor((last t - first t) / T) us; the last one lasts to the end
  };

  int64_t T = 16;
  Split split = Split::kNumber;
  /// 1 if there is any event, instead of the number of events.
  bool binary = false;
  /// Pixels of a frame; 0 x 0: the sensor's. Uses the smallest integer k for which the sensor's k x k blocks of pixels,
  /// each summed into one, fit; they are centred, with zeros around them.
  int64_t height = 0, width = 0;
};

/// [T, 2, height, width], row-major; polarity 0 (off), then 1 (on).
struct Frames {
  int64_t T = 0, height = 0, width = 0;
  std::vector<uint32_t> counts;

  std::span<const uint32_t> frame(int64_t t) const {
    return std::span(counts).subspan(size_t(t * 2 * height * width), size_t(2 * height * width));
  }
};

/// Where the sensor's pixels go in a frame of `height` rows and `width` columns (0: the sensor's), according to
/// FrameOptions: event (x, y) belongs to value rows[y] + columns[x] of its polarity's plane.
struct PixelPlaces {
  int64_t height = 0, width = 0;
  std::vector<uint32_t> columns, rows;
};
PixelPlaces pixel_places(SensorSize sensor, int64_t height, int64_t width);

/// Sums events into a frame [2, height, width]. @param binary  1 if there is any event, instead of the sum
/// @throws InputError for an event that has no place
void add_to_frame(std::span<const Event> events, const PixelPlaces& places, bool binary, uint32_t* frame);

/// Where each frame begins among the events: T + 1 places, the last one N. Events in order of time.
std::vector<size_t> frame_bounds(std::span<const Event> events, int64_t T, FrameOptions::Split split);

/// Sums events into frames, as in SpikingJelly's integrate_events_by_fixed_frames_number:
///   frames[i] = np.bincount(p * H * W + y * W + x) over the events from bound i to bound i + 1.
/// Where that fails (a frame without an event, all events at one time), this gives a frame of zeros.
/// @param events  in order of time
/// @param sensor  of these events; known
/// @throws InputError for T < 1, or an event outside of the sensor
/// Cost: one increment for each event, and a pass over the frames.
Frames integrate(std::span<const Event> events, SensorSize sensor, const FrameOptions& options);
/// The same into `counts`, [T, 2, places.height, places.width], overwriting it. T of 1 or more.
void integrate(std::span<const Event> events, const PixelPlaces& places, const FrameOptions& options, uint32_t* counts);
void integrate(std::span<const Event> events, const PixelPlaces& places, const FrameOptions& options, float* counts);

}  // namespace spikemix
