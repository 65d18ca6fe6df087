// SPDX-License-Identifier: MIT
#include "spikemix/events/frames.h"

#include <algorithm>
#include <array>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// The place of each column or row of the sensor in a frame.
std::vector<uint32_t> places(int64_t pixels, int64_t k, int64_t out, int64_t stride) {
  const int64_t margin = (out - (pixels + k - 1) / k) / 2;
  std::vector<uint32_t> place;
  for (int64_t i = 0; i < pixels; ++i) place.push_back(uint32_t((margin + i / k) * stride));
  return place;
}

// Their places stay in the first-level cache with them; the next block comes from memory while these are counted.
constexpr size_t kEventsOfBlock = 512;

#ifdef __SSE2__
// The sensor's pixels are the frame's.
bool are_its_pixels(const PixelPlaces& places) {
  return places.columns.size() == size_t(places.width) && places.rows.size() == size_t(places.height);
}

// The places of events in a frame with the sensor's pixels, computed several at a time, a multiple of four. False if
// one of them is outside.
bool places_of(std::span<const Event> events, const PixelPlaces& places, uint32_t* place) {
  // Two events' x, y, p and padding, 16 bits each.
  const __m128i used = _mm_set1_epi64x(0x0000'00FF'FFFF'FFFF);
  const __m128i most = _mm_set1_epi64x((places.width - 1) | (places.height - 1) << 16 | int64_t(1) << 32);
  const __m128i factors = _mm_set1_epi64x(1 | places.width << 16);
  const __m128i plane = _mm_set1_epi32(int(places.width * places.height));
  __m128i beyond = _mm_setzero_si128();
  const auto two = [&](const Event* e) {
    const auto* halves = reinterpret_cast<const __m128i*>(e);
    const __m128i both = _mm_and_si128(_mm_unpackhi_epi64(_mm_loadu_si128(halves), _mm_loadu_si128(halves + 1)), used);
    beyond = _mm_or_si128(beyond, _mm_subs_epu16(both, most));
    const __m128i on = _mm_sub_epi32(_mm_setzero_si128(), _mm_srli_epi64(both, 32));
    return _mm_add_epi32(_mm_madd_epi16(both, factors), _mm_and_si128(on, plane));
  };
  for (size_t i = 0; i < events.size(); i += 4) {
    _mm_prefetch(reinterpret_cast<const char*>(&events[i] + kEventsOfBlock), _MM_HINT_T0);
    const __m128 first = _mm_castsi128_ps(two(&events[i])), second = _mm_castsi128_ps(two(&events[i + 2]));
    _mm_storeu_ps(reinterpret_cast<float*>(place + i), _mm_shuffle_ps(first, second, _MM_SHUFFLE(2, 0, 2, 0)));
  }
  return _mm_movemask_epi8(_mm_cmpeq_epi8(beyond, _mm_setzero_si128())) == 0xFFFF;
}
#endif

// Calls add() with each event's place in a frame.
template <class Add>
void for_each_place(std::span<const Event> events, const PixelPlaces& places, const Add& add) {
#ifdef __SSE2__
  if (are_its_pixels(places) && places.width < 1 << 15 && places.height < 1 << 15) {
    std::array<uint32_t, kEventsOfBlock> block;
    while (events.size() >= 4) {
      const size_t n = std::min(kEventsOfBlock, events.size() / 4 * 4);
      if (!places_of(events.first(n), places, block.data())) break;
      for (size_t i = 0; i < n; ++i) add(block[i]);
      events = events.subspan(n);
    }
  }
#endif
  const std::span columns(places.columns), rows(places.rows);
  const auto plane = size_t(places.height * places.width);
  for (const Event& e : events) {
    if ((e.x >= columns.size()) | (e.y >= rows.size()) | (e.p > 1)) [[unlikely]] {
      throw input_error("event at x = {}, y = {}, expected x below {} and y below {}; another sensor (--size)?", e.x,
                        e.y, columns.size(), rows.size());
    }
    add(plane * e.p + rows[e.y] + columns[e.x]);
  }
}

/// Sums up frames one after the other.
class FrameSums {
 public:
  explicit FrameSums(const PixelPlaces& places)
      : places_(places), pixels_(size_t(2 * places.height * places.width)), low_(pixels_) {}

  // Into frame[2, height, width], overwriting it.
  template <class Count>
  void sum_up(std::span<const Event> events, bool binary, Count* frame) {
    if (!binary && events.size() >= pixels_ / kFewEvents) return sum_up_in_bytes(events, frame);
    std::fill_n(frame, pixels_, Count(0));
    if (binary) {
      for_each_place(events, places_, [frame](size_t place) { frame[place] = 1; });
    } else {
      for_each_place(events, places_, [frame](size_t place) { ++frame[place]; });
    }
  }

 private:
  // If there are fewer events than this share of the pixels, a pass over all bytes costs more than it saves, and a
  // float counts so few one by one.
  static constexpr size_t kFewEvents = 8;

  // Bytes fit in the first-level cache; larger counts do not.
  template <class Count>
  void sum_up_in_bytes(std::span<const Event> events, Count* frame) {
    bool carried = false;
    for_each_place(events, places_, [&, bytes = low_.data()](size_t place) {
      if (++bytes[place] == 0) [[unlikely]] {
        high_.resize(pixels_);
        high_[place] += 256, carried = true;
      }
    });
    for (size_t i = 0; i < pixels_; ++i) frame[i] = Count(low_[i]);
    if (carried) {
      for (size_t i = 0; i < pixels_; ++i) frame[i] = Count(high_[i] + low_[i]);
      std::ranges::fill(high_, 0);
    }
    std::ranges::fill(low_, 0);
  }

  const PixelPlaces& places_;
  const size_t pixels_;
  std::vector<uint8_t> low_;    // zero between calls
  std::vector<uint32_t> high_;  // counts beyond a byte
};

template <class Count>
void integrate_as(std::span<const Event> events, const PixelPlaces& places, const FrameOptions& options,
                  Count* counts) {
  const auto frame = size_t(2 * places.height * places.width);
  const auto bounds = frame_bounds(events, options.T, options.split);
  FrameSums sums(places);
  for (size_t i = 0; i < size_t(options.T); ++i) {
    sums.sum_up(events.subspan(bounds[i], bounds[i + 1] - bounds[i]), options.binary, counts + i * frame);
  }
}

}  // namespace

PixelPlaces pixel_places(SensorSize sensor, int64_t height, int64_t width) {
  if (!sensor.known()) throw input_error("the sensor's size is not known; frames need it");
  if (height <= 0) height = sensor.height;
  if (width <= 0) width = sensor.width;
  const int64_t k = std::max((sensor.height + height - 1) / height, (sensor.width + width - 1) / width);
  return {height, width, places(sensor.width, k, width, 1), places(sensor.height, k, height, width)};
}

void add_to_frame(std::span<const Event> events, const PixelPlaces& places, bool binary, uint32_t* frame) {
  if (binary) {
    for_each_place(events, places, [frame](size_t place) { frame[place] = 1; });
  } else {
    for_each_place(events, places, [frame](size_t place) { ++frame[place]; });
  }
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
  integrate_as(events, places, options, counts);
}

void integrate(std::span<const Event> events, const PixelPlaces& places, const FrameOptions& options, float* counts) {
  integrate_as(events, places, options, counts);
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
