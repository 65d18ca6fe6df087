// SPDX-License-Identifier: MIT
#include "spikemix/events/simulate.h"

#include <array>
#include <cmath>
#include <map>

#include "spikemix/data/files_test.h"

namespace spikemix {
namespace {

// Dark on the left, bright on the right.
Intensity edge() {
  Intensity picture{32, 32, std::vector<float>(32 * 32)};
  for (size_t i = 0; i < picture.values.size(); ++i) picture.values[i] = i % 32 < 16 ? 0.1f : 0.9f;
  return picture;
}

SimulatorOptions quiet() {
  SimulatorOptions o;
  o.sensor = {32, 32};
  o.mismatch = o.background_hz = o.leak_hz = 0;
  return o;
}

TEST(Simulator, SameSeedSameEvents) {
  SimulatorOptions o;
  o.sensor = {64, 48};
  const auto events = EventSimulator(o).simulate(edge(), 3);
  EXPECT_GT(events.size(), 500u);
  EXPECT_EQ(EventSimulator(o).simulate(edge(), 3), events);
  EXPECT_NE(EventSimulator(o).simulate(edge(), 4), events);
  o.seed = 1;
  EXPECT_NE(EventSimulator(o).simulate(edge(), 3), events);
}

TEST(Simulator, EventsAreInOrderWithinTheSensorAndTheDuration) {
  for (const double duration : {7.3, 100.0, 2500.0}) {
    SimulatorOptions o;
    o.sensor = {37, 21};
    o.duration_ms = duration;
    o.background_hz = 100;
    int64_t last = 0;
    for (const Event& e : EventSimulator(o).simulate(edge(), 0)) {
      ASSERT_LE(last, e.t);
      ASSERT_LE(double(e.t), duration * 1000);
      ASSERT_TRUE(e.x < 37 && e.y < 21 && e.p <= 1);
      last = e.t;
    }
  }
}

// The path: from the right corner down and left, then up and left, then up and right, then down and right. The edge is
// bright on its right: while the picture moves left, pixels become brighter; on the way back they become darker.
TEST(Simulator, MovingLeftBrightensMovingRightDarkens) {
  SimulatorOptions o = quiet();
  o.refractory_us = 0;
  const auto events = EventSimulator(o).simulate(edge(), 0);
  std::array<std::array<int, 2>, 2> counts{};  // [half of the path][polarity]
  for (const Event& e : events) {
    ++counts[e.t >= 50000][e.p];
    EXPECT_NEAR(e.x, 15.5, 6 + 2);  // only where the edge passes
  }
  EXPECT_GT(counts[0][1], 1000);
  EXPECT_EQ(counts[0][0], 0);
  EXPECT_GT(counts[1][0], 1000);
  EXPECT_EQ(counts[1][1], 0);
  // log((0.9 + dark) / (0.1 + dark)) / 0.25 = 7.4 thresholds for each of 32 x 12 pixels that the edge crosses, forth
  // and back. On average half an event is lost to the last threshold that is not reached, and on the way back another
  // half to the remainder of the way forth.
  EXPECT_NEAR(double(counts[0][1]) / (32 * 12), 6.9, 0.3);
  EXPECT_NEAR(double(counts[1][0]) / (32 * 12), 6.4, 0.3);
}

TEST(Simulator, RefractoryTimeKeepsEventsApart) {
  SimulatorOptions o = quiet();
  o.refractory_us = 3000;
  std::map<std::pair<int, int>, int64_t> last;
  for (const Event& e : EventSimulator(o).simulate(edge(), 0)) {
    const auto [found, fresh] = last.try_emplace({e.x, e.y}, e.t);
    if (!fresh) {
      EXPECT_GE(e.t - found->second, 2999);
    }
    found->second = e.t;
  }
}

TEST(Simulator, NoiseHasItsRates) {
  SimulatorOptions o = quiet();
  o.sensor = {128, 128};
  o.amplitude = 0;
  o.duration_ms = 1000;
  EXPECT_TRUE(EventSimulator(o).simulate(edge(), 0).empty());
  o.background_hz = 2;
  const auto noise = EventSimulator(o).simulate(edge(), 0);
  const double expected = 2 * 128 * 128;
  EXPECT_NEAR(double(noise.size()), expected, 5 * std::sqrt(expected));
  o.background_hz = 0;
  o.leak_hz = 2;
  const auto leaked = EventSimulator(o).simulate(edge(), 0);
  // The first event comes after one threshold on average (0 to both thresholds), and each further one after one more: 2
  // - 0.5.
  EXPECT_NEAR(double(leaked.size()), 0.75 * expected, 0.02 * expected);
  for (const Event& e : leaked) EXPECT_EQ(e.p, 1);
}

TEST(Simulator, RefusesInvalidOptions) {
  SimulatorOptions o;
  o.duration_ms = 0;
  expect_input_error([&] { EventSimulator simulator(o); }, "--duration 0: expected more than 0");
  o = {};
  o.on_threshold = -1;
  expect_input_error([&] { EventSimulator simulator(o); }, "--on-threshold -1");
}

}  // namespace
}  // namespace spikemix
