// SPDX-License-Identifier: MIT
#include "spikemix/events/frames.h"

#include <numeric>

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"

namespace spikemix {
namespace {

using Split = FrameOptions::Split;

// SpikingJelly 2.0.0's cal_fixed_frames_number_segment_index and integrate_events_segment_to_frame, as loops.
std::vector<uint32_t> definition(std::span<const Event> events, SensorSize sensor, int64_t T, Split split) {
  const auto N = int64_t(events.size());
  std::vector<uint32_t> frames(size_t(T * 2 * sensor.height * sensor.width));
  for (int64_t i = 0; i < T; ++i) {
    int64_t left = 0, right = 0;
    if (split == Split::kNumber) {
      left = i * (N / T), right = left + N / T;
    } else {
      const int64_t dt = (events.back().t - events.front().t) / T, t_left = dt * i + events.front().t;
      for (int64_t k = N - 1; k >= 0; --k) {
        if (events[size_t(k)].t >= t_left && events[size_t(k)].t < t_left + dt)
          left = k, right = std::max(right, k + 1);
      }
    }
    if (i == T - 1) right = N;
    for (int64_t k = left; k < right; ++k) {
      const Event& e = events[size_t(k)];
      ++frames[size_t(((i * 2 + e.p) * sensor.height + e.y) * sensor.width + e.x)];
    }
  }
  return frames;
}

TEST(Frames, EqualTheDefinition) {
  for (const SensorSize sensor : {SensorSize{7, 5}, SensorSize{34, 34}, SensorSize{128, 128}}) {
    for (const size_t n : {200, 1000, 20011}) {
      const auto events = encode::random_events(n, sensor, n);
      for (const int64_t T : {1, 4, 10, 16}) {
        for (const Split split : {Split::kNumber, Split::kTime}) {
          const Frames frames = integrate(events, sensor, {.T = T, .split = split});
          ASSERT_EQ(frames.counts, definition(events, sensor, T, split)) << n << " events, T = " << T;
          EXPECT_EQ(frames.height, sensor.height);
          EXPECT_EQ(frames.width, sensor.width);
        }
      }
    }
  }
}

TEST(Frames, MoreEventsInAPixelThanAByteHolds) {
  const SensorSize sensor{7, 5};
  auto events = encode::random_events(5003, sensor, 1);
  for (size_t i = 0; i < events.size(); i += 2) events[i].x = 3, events[i].y = 2, events[i].p = 1;
  const Frames frames = integrate(events, sensor, {.T = 3});
  EXPECT_EQ(frames.counts, definition(events, sensor, 3, Split::kNumber));
  EXPECT_GT(*std::ranges::max_element(frames.counts), 512u);
  std::vector<float> floats(frames.counts.size(), 7);
  integrate(events, pixel_places(sensor, 0, 0), {.T = 3}, floats.data());
  EXPECT_TRUE(std::ranges::equal(floats, frames.counts));
}

TEST(Frames, RefuseTheFirstEventOutsideOfTheSensor) {
  const SensorSize sensor{40, 30};
  for (const size_t at : {size_t(0), size_t(3), size_t(701), size_t(1999), size_t(2002)}) {
    auto events = encode::random_events(2003, sensor, at);
    events[at].y = 30;
    expect_input_error([&] { integrate(events, sensor, {.T = 1}); }, "y = 30, expected x below 40 and y below 30");
  }
}

TEST(Frames, BinaryMarksPixelsWithEvents) {
  const SensorSize sensor{16, 16};
  const auto events = encode::random_events(3000, sensor);
  auto counts = integrate(events, sensor, {.T = 3}).counts;
  for (uint32_t& c : counts) c = std::min(c, 1u);
  EXPECT_EQ(integrate(events, sensor, {.T = 3, .binary = true}).counts, counts);
}

TEST(Frames, PoolBlocksOfPixels) {
  const SensorSize sensor{32, 24};
  const auto events = encode::random_events(5000, sensor);
  const Frames full = integrate(events, sensor, {.T = 2});
  const Frames pooled = integrate(events, sensor, {.T = 2, .height = 8, .width = 16});  // k = 3 for both
  // 32 / 3 -> 11 columns, 24 / 3 = 8 rows: 2 columns of zeros on the left, 3 on the right.
  std::vector<uint32_t> want(2 * 2 * 8 * 16);
  for (size_t plane = 0; plane < 4; ++plane) {
    for (size_t y = 0; y < 24; ++y) {
      for (size_t x = 0; x < 32; ++x)
        want[(plane * 8 + y / 3) * 16 + 2 + x / 3] += full.counts[(plane * 24 + y) * 32 + x];
    }
  }
  EXPECT_EQ(pooled.counts, want);
}

TEST(Frames, FewEventsOrOneTime) {
  const SensorSize sensor{4, 4};
  const std::vector<Event> three = {
      {.t = 5, .x = 1, .y = 2, .p = 1}, {.t = 5, .x = 1, .y = 2, .p = 1}, {.t = 5, .x = 0, .y = 0, .p = 0}};
  for (const Split split : {Split::kNumber, Split::kTime}) {
    const Frames frames = integrate(three, sensor, {.T = 4, .split = split});
    EXPECT_EQ(std::accumulate(frames.counts.begin(), frames.counts.end(), 0u), 3u);
    EXPECT_EQ(frames.frame(3)[16 + 2 * 4 + 1], 2u);  // the last frame has the rest
    const Frames none = integrate({}, sensor, {.T = 4, .split = split});
    EXPECT_EQ(none.counts, std::vector<uint32_t>(4 * 2 * 16));
  }
}

TEST(Frames, RefuseInvalidArguments) {
  const std::vector<Event> events = {{.t = 0, .x = 4, .y = 0, .p = 0}};
  expect_input_error([&] { integrate(events, {4, 4}, {}); }, "expected x below 4 and y below 4");
  expect_input_error([&] { integrate(events, {8, 8}, {.T = 0}); }, "T = 0 frames");
  expect_input_error([&] { integrate(events, {}, {}); }, "not known");
}

}  // namespace
}  // namespace spikemix
