// SPDX-License-Identifier: MIT
#include "spikemix/events/simulate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"

namespace spikemix {
namespace {

// The part of Rng's index that pictures do not use.
constexpr uint32_t kSensorStream = 1, kPictureStream = 2;

void require(bool good, const char* flag, double value, const char* expected) {
  if (!good) throw input_error("--{} {}: expected {}", flag, value, expected);
}

// The picture enlarged to the sensor, with `margin` more pixels around it, as logarithms; bilinear, with edges
// extended.
std::vector<float> log_plane(const Intensity& picture, SensorSize sensor, int64_t margin, double dark) {
  const auto taps = [margin](int64_t from, int64_t to) {
    struct Tap {
      int64_t low, high;
      float share;
    };
    std::vector<Tap> list;
    for (int64_t i = -margin; i < to + margin; ++i) {
      // Centres of pixels are at halves.
      const double at = std::clamp((double(i) + 0.5) * double(from) / double(to) - 0.5, 0.0, double(from - 1));
      const auto low = int64_t(at);
      list.push_back({low, std::min(low + 1, from - 1), float(at - double(low))});
    }
    return list;
  };
  const auto columns = taps(picture.width, sensor.width), rows = taps(picture.height, sensor.height);
  std::vector<float> plane;
  plane.reserve(columns.size() * rows.size());
  for (const auto& row : rows) {
    const float* top = &picture.values[size_t(row.low * picture.width)];
    const float* bottom = &picture.values[size_t(row.high * picture.width)];
    for (const auto& c : columns) {
      const float a = top[c.low] + c.share * (top[c.high] - top[c.low]);
      const float b = bottom[c.low] + c.share * (bottom[c.high] - bottom[c.low]);
      plane.push_back(std::log(float(dark) + a + row.share * (b - a)));
    }
  }
  return plane;
}

// One sample of the plane, shifted by a fraction of a pixel.
struct Shift {
  const float* first;  // the place of the sensor's pixel (0, 0), rounded down
  std::array<float, 4> weights;

  float at(int64_t offset, int64_t stride) const {
    const float* p = first + offset;
    return weights[0] * p[0] + weights[1] * p[1] + weights[2] * p[stride] + weights[3] * p[stride + 1];
  }
};

}  // namespace

Intensity intensity_of(std::span<const uint8_t> pixels, int64_t height, int64_t width, int64_t channels) {
  Intensity result{height, width, {}};
  result.values.reserve(size_t(height * width));
  for (int64_t i = 0; i < height * width; ++i) {
    const uint8_t* p = &pixels[size_t(i * channels)];
    const float grey = channels >= 3 ? 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2] : float(p[0]);
    result.values.push_back(grey / 255);
  }
  return result;
}

EventSimulator::EventSimulator(const SimulatorOptions& options) : options_(options) {
  const SimulatorOptions& o = options_;
  require(o.sensor.width >= 1 && o.sensor.width <= 2048 && o.sensor.height >= 1 && o.sensor.height <= 2048, "size",
          double(o.sensor.width), "a sensor of 1x1 to 2048x2048 pixels");
  require(o.duration_ms > 0 && o.duration_ms <= 1e6, "duration", o.duration_ms, "more than 0 and at most 1e6 ms");
  require(o.loops >= 1 && o.loops <= 10000, "loops", o.loops, "1 to 10000");
  require(o.amplitude >= 0 && o.amplitude <= 256, "amplitude", o.amplitude, "0 to 256 pixels");
  require(o.on_threshold > 0.01, "on-threshold", o.on_threshold, "more than 0.01");
  require(o.off_threshold > 0.01, "off-threshold", o.off_threshold, "more than 0.01");
  require(o.mismatch >= 0 && o.mismatch <= 1, "mismatch", o.mismatch, "0 to 1");
  require(o.refractory_us >= 0, "refractory", o.refractory_us, "0 us or more");
  require(o.background_hz >= 0 && o.background_hz <= 1e4, "background", o.background_hz, "0 to 1e4 Hz");
  require(o.leak_hz >= 0 && o.leak_hz <= 1e4, "leak", o.leak_hz, "0 to 1e4 Hz");
  require(o.dark > 0 && o.dark <= 1, "dark", o.dark, "more than 0 and at most 1");
  const double length = 4 * std::sqrt(2.0) * o.amplitude * o.loops;
  samples_ = int64_t(std::ceil(std::max(o.duration_ms, 2 * length)));
  margin_ = int64_t(std::ceil(o.amplitude)) + 1;
  Rng rng(o.seed, Rng::Purpose::kEvents, 0, kSensorStream);
  for (int64_t i = 0; i < int64_t(o.sensor.width) * o.sensor.height; ++i) {
    on_.push_back(float(std::max(0.01, rng.normal(o.on_threshold, o.mismatch))));
    off_.push_back(float(std::max(0.01, rng.normal(o.off_threshold, o.mismatch))));
  }
}

EventSimulator::Offset EventSimulator::offset_at(double share) const {
  // Corners right, bottom, left, top, starting from the right.
  constexpr std::array<Offset, 5> kCorners = {Offset{1, 0}, {0, 1}, {-1, 0}, {0, -1}, {1, 0}};
  const double along = std::fmod(share * options_.loops, 1.0) * 4;
  const auto side = std::min<size_t>(3, size_t(along));
  const double part = along - double(side), a = options_.amplitude;
  return {a * (kCorners[side].x + part * (kCorners[side + 1].x - kCorners[side].x)),
          a * (kCorners[side].y + part * (kCorners[side + 1].y - kCorners[side].y))};
}

std::vector<Event> EventSimulator::simulate(const Intensity& picture, uint64_t index) const {
  const int64_t width = options_.sensor.width, height = options_.sensor.height, stride = width + 2 * margin_;
  const std::vector<float> plane = log_plane(picture, options_.sensor, margin_, options_.dark);
  Rng rng(options_.seed, Rng::Purpose::kEvents, index, kPictureStream);
  const double duration = options_.duration_ms * 1000, step = duration / double(samples_);
  const double leak = options_.leak_hz * options_.on_threshold * 1e-6;  // a microsecond

  const auto shift_at = [&](int64_t sample) {
    // The picture moves, so the sensor sees the opposite place.
    const Offset p = offset_at(double(sample) / double(samples_));
    const double x = double(margin_) - p.x, y = double(margin_) - p.y;
    const double left = std::floor(x), top = std::floor(y), u = x - left, v = y - top;
    return Shift{plane.data() + int64_t(top) * stride + int64_t(left),
                 {float((1 - u) * (1 - v)), float(u * (1 - v)), float((1 - u) * v), float(u * v)}};
  };

  // The pixels' memory: somewhere between their last event and the next, as if the camera had run before.
  Shift before = shift_at(0);
  std::vector<float> memory(size_t(width * height));
  for (int64_t y = 0, i = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x, ++i) {
      memory[size_t(i)] = before.at(y * stride + x, stride) + float(rng.uniform(-on_[size_t(i)], off_[size_t(i)]));
    }
  }
  std::vector<double> last_event(memory.size(), -1e9);
  std::vector<Event> events;
  std::vector<float> row(static_cast<size_t>(width));
  std::vector<uint8_t> active(static_cast<size_t>(width) + 8);
  const double noise_rate = options_.background_hz * 1e-6 * double(width * height);
  const auto noise_gap = [&] { return noise_rate > 0 ? -std::log(1 - rng.uniform()) / noise_rate : duration * 2; };
  double noise_t = noise_gap();

  for (int64_t sample = 1; sample <= samples_; ++sample) {
    const Shift now = shift_at(sample);
    const double start = double(sample - 1) * step, end = double(sample) * step;
    const auto leak_before = float(leak * start), leak_now = float(leak * end);
    const size_t first = events.size();
    for (int64_t y = 0; y < height; ++y) {
      const float* on = &on_[size_t(y * width)];
      const float* off = &off_[size_t(y * width)];
      float* remembered = &memory[size_t(y * width)];
      const float* top = now.first + y * stride;
      const float* bottom = top + stride;
      const auto [w0, w1, w2, w3] = now.weights;
      for (int64_t x = 0; x < width; ++x) {
        row[size_t(x)] = w0 * top[x] + w1 * top[x + 1] + w2 * bottom[x] + w3 * bottom[x + 1] + leak_now;
      }
      for (int64_t x = 0; x < width; ++x) {
        const float difference = row[size_t(x)] - remembered[x];
        active[size_t(x)] = uint8_t((difference >= on[x]) | (difference <= -off[x]));
      }
      for (int64_t x = 0; x < width; ++x) {
        if (x % 8 == 0) {  // most pixels are silent
          uint64_t eight;
          std::memcpy(&eight, &active[size_t(x)], 8);
          if (eight == 0) {
            x += 7;
            continue;
          }
        }
        if (!active[size_t(x)]) continue;
        const float from = before.at(y * stride + x, stride) + leak_before, to = row[size_t(x)];
        const bool rises = to > remembered[x];
        const float threshold = rises ? on[x] : -off[x];
        while (rises ? to - remembered[x] >= threshold : to - remembered[x] <= threshold) {
          remembered[x] += threshold;
          // Where the straight line from the last sample to this one crosses the threshold.
          const float share = to == from ? 1.f : std::clamp((remembered[x] - from) / (to - from), 0.f, 1.f);
          const double t = std::min(end, start + (end - start) * double(share));
          double& last = last_event[size_t(y * width + x)];
          if (t - last < options_.refractory_us) continue;
          last = t;
          events.push_back({.t = int64_t(t), .x = uint16_t(x), .y = uint16_t(y), .p = rises});
        }
      }
    }
    for (; noise_t < end; noise_t += noise_gap()) {
      events.push_back({.t = int64_t(noise_t),
                        .x = uint16_t(rng.below(uint64_t(width))),
                        .y = uint16_t(rng.below(uint64_t(height))),
                        .p = rng.coin()});
    }
    std::ranges::stable_sort(events.begin() + std::ptrdiff_t(first), events.end(), {}, &Event::t);
    before = now;
  }
  return events;
}

}  // namespace spikemix
