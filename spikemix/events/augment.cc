// SPDX-License-Identifier: MIT
#include "spikemix/events/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace spikemix {
namespace {

// The source of each pixel of the result: its place in a plane, or -1.
using Sources = std::vector<int64_t>;

Sources unchanged(const Frames& frames) {
  Sources sources(size_t(frames.height * frames.width));
  for (size_t i = 0; i < sources.size(); ++i) sources[i] = int64_t(i);
  return sources;
}

// Pixel (x, y), counted from the middle, is read from (a x + b y, c x + d y).
Sources linear(const Frames& frames, const Sources& before, const std::array<double, 4>& matrix) {
  const double middle_x = double(frames.width - 1) / 2, middle_y = double(frames.height - 1) / 2;
  Sources sources;
  for (int64_t y = 0; y < frames.height; ++y) {
    for (int64_t x = 0; x < frames.width; ++x) {
      const double u = double(x) - middle_x, v = double(y) - middle_y;
      const int64_t from_x = std::lround(matrix[0] * u + matrix[1] * v + middle_x);
      const int64_t from_y = std::lround(matrix[2] * u + matrix[3] * v + middle_y);
      const bool inside = from_x >= 0 && from_x < frames.width && from_y >= 0 && from_y < frames.height;
      sources.push_back(inside ? before[size_t(from_y * frames.width + from_x)] : -1);
    }
  }
  return sources;
}

// Mirrored, then rolled around the edges.
Sources mirror_and_roll(const Frames& frames, bool mirror, int64_t right, int64_t down) {
  Sources sources = unchanged(frames);
  for (int64_t y = 0; y < frames.height; ++y) {
    for (int64_t x = 0; x < frames.width; ++x) {
      const int64_t from_y = ((y - down) % frames.height + frames.height) % frames.height;
      const int64_t rolled = ((x - right) % frames.width + frames.width) % frames.width;
      sources[size_t(y * frames.width + x)] = from_y * frames.width + (mirror ? frames.width - 1 - rolled : rolled);
    }
  }
  return sources;
}

int64_t integer_between(Rng& rng, int64_t low, int64_t high) {
  return low + int64_t(rng.below(uint64_t(high - low + 1)));
}

}  // namespace

void augment(Frames& frames, const FrameAugmentation& augmentation, Rng& rng) {
  const bool mirror = rng.coin(augmentation.flip);
  const int64_t right = integer_between(rng, -augmentation.roll, augmentation.roll);
  const int64_t down = integer_between(rng, -augmentation.roll, augmentation.roll);
  Sources sources = mirror_and_roll(frames, mirror, right, down);

  enum Kind { kRotate, kShear, kCutout, kScale };
  std::vector<Kind> kinds;
  if (augmentation.rotate > 0) kinds.push_back(kRotate);
  if (augmentation.shear > 0) kinds.push_back(kShear);
  if (augmentation.cutout > 0) kinds.push_back(kCutout);
  if (augmentation.scale > 0) kinds.push_back(kScale);
  if (!kinds.empty()) {
    constexpr double kDegree = std::numbers::pi / 180;
    switch (kinds[rng.below(kinds.size())]) {
      case kRotate: {
        const double angle = kDegree * rng.uniform(-augmentation.rotate, augmentation.rotate);
        sources = linear(frames, sources, {std::cos(angle), std::sin(angle), -std::sin(angle), std::cos(angle)});
        break;
      }
      case kShear:
        sources = linear(frames, sources,
                         {1, std::tan(kDegree * rng.uniform(-augmentation.shear, augmentation.shear)), 0, 1});
        break;
      case kScale: {
        const double factor = 1 / (1 + rng.uniform(-augmentation.scale, augmentation.scale));
        sources = linear(frames, sources, {factor, 0, 0, factor});
        break;
      }
      case kCutout: {
        const int64_t side = integer_between(rng, 1, augmentation.cutout);
        const int64_t left = integer_between(rng, 0, frames.width - 1) - side / 2;
        const int64_t top = integer_between(rng, 0, frames.height - 1) - side / 2;
        for (int64_t y = std::max<int64_t>(0, top); y < std::min(frames.height, top + side); ++y) {
          for (int64_t x = std::max<int64_t>(0, left); x < std::min(frames.width, left + side); ++x) {
            sources[size_t(y * frames.width + x)] = -1;
          }
        }
      }
    }
  }

  std::vector<uint32_t> plane(sources.size());
  for (size_t first = 0; first < frames.counts.size(); first += plane.size()) {
    for (size_t i = 0; i < plane.size(); ++i) {
      plane[i] = sources[i] < 0 ? 0 : frames.counts[first + size_t(sources[i])];
    }
    std::ranges::copy(plane, frames.counts.begin() + std::ptrdiff_t(first));
  }
}

void augment(std::vector<Event>& events, SensorSize sensor, const EventAugmentation& augmentation, Rng& rng) {
  const bool polarity = rng.coin(augmentation.polarity_flip), mirror = rng.coin(augmentation.mirror);
  size_t kept = 0;
  for (Event e : events) {
    if (augmentation.drop > 0 && rng.coin(augmentation.drop)) continue;
    if (polarity) e.p ^= 1;
    if (mirror) e.x = uint16_t(sensor.width - 1 - e.x);
    if (augmentation.jitter_us > 0) e.t += std::llround(rng.normal(0, augmentation.jitter_us));
    events[kept++] = e;
  }
  events.resize(kept);
  if (augmentation.jitter_us > 0) std::ranges::stable_sort(events, {}, &Event::t);
}

}  // namespace spikemix
