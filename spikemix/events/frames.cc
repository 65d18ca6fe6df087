#include "spikemix/events/frames.h"

#include <algorithm>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// Where each column or row of the sensor goes in a frame.
std::vector<uint32_t> places(int64_t pixels, int64_t k, int64_t out, int64_t stride) {
  const int64_t margin = (out - (pixels + k - 1) / k) / 2;
  std::vector<uint32_t> place;
  for (int64_t i = 0; i < pixels; ++i) place.push_back(uint32_t((margin + i / k) * stride));
  return place;
}

// kBinary: 1 in the place of a sum.
template <bool kBinary>
void sum_up(std::span<const Event> events, const PixelPlaces& places, uint32_t* frame) {
  const std::span columns(places.columns), rows(places.rows);
  const auto plane = size_t(places.height * places.width);
  for (const Event& e : events) {
    if ((e.x >= columns.size()) | (e.y >= rows.size()) | (e.p > 1)) [[unlikely]] {
      throw input_error("event at x = {}, y = {}, expected x below {} and y below {}; another sensor (--size)?", e.x,
                        e.y, columns.size(), rows.size());
    }
    uint32_t& count = frame[plane * e.p + rows[e.y] + columns[e.x]];
    count = kBinary ? 1 : count + 1;
  }
}

}  // namespace

PixelPlaces pixel_places(SensorSize sensor, int64_t height, int64_t width) {
  if (!sensor.known()) throw input_error("the sensor's size is not known, expected it for frames");
  if (height <= 0) height = sensor.height;
  if (width <= 0) width = sensor.width;
  const int64_t k = std::max((sensor.height + height - 1) / height, (sensor.width + width - 1) / width);
  return {height, width, places(sensor.width, k, width, 1), places(sensor.height, k, height, width)};
}

void add_to_frame(std::span<const Event> events, const PixelPlaces& places, bool binary, uint32_t* frame) {
  (binary ? sum_up<true> : sum_up<false>)(events, places, frame);
}

std::vector<size_t> frame_bounds(std::span<const Event> events, int64_t T, FrameOptions::Split split) {
  std::vector<size_t> bounds(size_t(T) + 1, events.size());
  if (events.empty()) return bounds;
  const int64_t first = events.front().t, step = (events.back().t - first) / T;
  for (int64_t i = 0; i < T; ++i) {
    if (split == FrameOptions::Split::kNumber) {
      bounds[size_t(i)] = size_t(i) * (events.size() / size_t(T));
    } else {
      bounds[size_t(i)] = size_t(std::ranges::lower_bound(events, first + step * i, {}, &Event::t) - events.begin());
    }
  }
  return bounds;
}

void integrate(std::span<const Event> events, const PixelPlaces& places, const FrameOptions& options,
               uint32_t* counts) {
  const auto frame = size_t(2 * places.height * places.width);
  const auto bounds = frame_bounds(events, options.T, options.split);
  for (size_t i = 0; i < size_t(options.T); ++i) {
    const auto segment = events.subspan(bounds[i], bounds[i + 1] - bounds[i]);
    add_to_frame(segment, places, options.binary, counts + i * frame);
  }
}

Frames integrate(std::span<const Event> events, SensorSize sensor, const FrameOptions& options) {
  if (options.T < 1) throw input_error("T = {} frames, expected 1 or more", options.T);
  const PixelPlaces places = pixel_places(sensor, options.height, options.width);
  Frames frames{options.T, places.height, places.width, {}};
  frames.counts.resize(size_t(options.T * 2 * places.height * places.width));
  integrate(events, places, options, frames.counts.data());
  return frames;
}

}  // namespace spikemix
