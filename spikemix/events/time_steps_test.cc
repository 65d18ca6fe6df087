// SPDX-License-Identifier: MIT
#include "spikemix/events/time_steps.h"

#include <gmock/gmock.h>

#include "spikemix/base/error.h"
#include "spikemix/events/formats/encode_test.h"

namespace spikemix {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::ThrowsMessage;

std::vector<TimeStep> cut(const TimeStepOptions& options, std::span<const Event> events, size_t batch) {
  std::vector<TimeStep> steps;
  const auto take = [&](TimeStep&& step) { steps.push_back(std::move(step)); };
  TimeStepCutter cutter(options);
  for (; !events.empty(); events = events.subspan(std::min(batch, events.size()))) {
    cutter.add(events.first(std::min(batch, events.size())), take);
  }
  cutter.finish(take);
  for (size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i].number, i);
  return steps;
}

TEST(TimeSteps, OfEqualCountsEqualIntegrate) {
  const auto events = encode::random_events(1600, {32, 24});
  const Frames frames = integrate(events, {32, 24}, {.T = 16, .height = 16, .width = 16});
  for (const size_t batch : {1, 7, 1600}) {
    const auto steps = cut({.events = 100, .sensor = {32, 24}, .height = 16, .width = 16}, events, batch);
    ASSERT_THAT(steps, SizeIs(16));
    for (int64_t t = 0; t < 16; ++t) {
      EXPECT_EQ(steps[size_t(t)].events, 100);
      EXPECT_TRUE(std::ranges::equal(steps[size_t(t)].frame, frames.frame(t),
                                     [](float a, uint32_t b) { return a == float(b); }));
    }
  }
}

TEST(TimeSteps, TheLastOneMayBeShorter) {
  const std::vector<Event> events = {{10, 0, 0, 1}, {20, 0, 0, 1}, {30, 0, 0, 1}, {45, 0, 0, 1}, {50, 0, 0, 1}};
  const auto steps = cut({.events = 3, .sensor = {1, 1}}, events, 2);
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[1].events, 2);
  EXPECT_EQ(steps[1].begin_t, 45);
  EXPECT_EQ(steps[1].end_t, 50);
}

TEST(TimeSteps, OfEqualTimeIncludeSilentOnes) {
  const std::vector<Event> events = {{100, 0, 0, 1}, {109, 1, 0, 1}, {110, 1, 0, 0}, {145, 0, 1, 1}};
  const auto steps = cut({.us = 10, .binary = true, .sensor = {2, 2}}, events, 4);
  ASSERT_THAT(steps, SizeIs(5));
  std::vector<int64_t> counts;
  for (const TimeStep& step : steps) {
    counts.push_back(step.events);
    EXPECT_EQ(step.begin_t, 100 + 10 * step.number);
    EXPECT_EQ(step.end_t, step.begin_t + 10);
  }
  EXPECT_EQ(counts, (std::vector<int64_t>{2, 1, 0, 0, 1}));
  EXPECT_EQ(steps[0].frame, (std::vector<float>{0, 0, 0, 0, 1, 1, 0, 0}));
}

TEST(TimeSteps, AJumpingClockDoesNotMakeAMillionSteps) {
  const int64_t far = std::numeric_limits<int64_t>::max() - 5, low = std::numeric_limits<int64_t>::min() + 5;
  const auto steps =
      cut({.us = 10, .sensor = {1, 1}}, std::vector<Event>{{low, 0, 0, 1}, {0, 0, 0, 1}, {far, 0, 0, 1}}, 3);
  ASSERT_THAT(steps, SizeIs(3));
  EXPECT_EQ(steps[1].begin_t, 0);
}

TEST(TimeSteps, RefuseInvalidOptions) {
  EXPECT_THAT([] { TimeStepCutter({.sensor = {1, 1}}); }, ThrowsMessage<InputError>(HasSubstr("expected one of them")));
  EXPECT_THAT([] { TimeStepCutter({.us = 1}); }, ThrowsMessage<InputError>(HasSubstr("sensor's size is not known")));
  EXPECT_THAT(
      [] {
        cut({.us = 1, .sensor = {2, 2}}, std::vector<Event>{{0, 2, 0, 1}}, 1);
      },
      ThrowsMessage<InputError>(HasSubstr("event at x = 2, y = 0, expected x below 2")));
}

}  // namespace
}  // namespace spikemix
