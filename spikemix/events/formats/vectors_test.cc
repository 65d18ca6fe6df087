// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/vectors.h"

#include <cstring>
#include <random>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <hwy/targets.h>

// Both functions against plain loops over the same words, on every SIMD target: all lengths to a few vectors, and
// something odd at every place.
namespace spikemix {
namespace {

using ::testing::ElementsAreArray;

constexpr Bounds kBounds{640, 480};
constexpr int64_t kBefore = 1000;  // the time of the event before

template <class F>
void on_every_target(const F& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

template <class Word>
std::vector<uint8_t> bytes_of(const std::vector<Word>& words) {
  std::vector<uint8_t> bytes(words.size() * sizeof(Word) + 1);
  if (!words.empty()) std::memcpy(bytes.data() + 1, words.data(), words.size() * sizeof(Word));  // at no alignment
  return bytes;
}

uint64_t dat_word(const Event& e) {
  return uint64_t(e.t) | uint64_t(e.x) << 32 | uint64_t(e.y) << 46 | uint64_t(e.p) << 60;
}

TEST(Vectors, DatOfEveryLength) {
  constexpr int64_t kOrigin = int64_t(5) << 32;
  for (size_t n = 0; n <= 40; ++n) {
    std::mt19937 random(static_cast<uint32_t>(n));
    std::vector<Event> events(n);
    std::vector<uint64_t> words(n);
    int64_t t = kBefore;
    for (size_t i = 0; i < n; ++i) {
      events[i] = {t += random() % 3, uint16_t(random() % 640), uint16_t(random() % 480), uint8_t(random() % 2)};
      words[i] = dat_word(events[i]);
      events[i].t += kOrigin;
    }
    const auto bytes = bytes_of(words);
    on_every_target([&] {
      std::vector<Event> made(n);
      int64_t last = kOrigin + kBefore;
      ASSERT_TRUE(decode_dat(bytes.data() + 1, n, kOrigin, kBounds, last, made.data()));
      EXPECT_THAT(made, ElementsAreArray(events));
      EXPECT_EQ(last, n > 0 ? events.back().t : kOrigin + kBefore);
    });
  }
}

TEST(Vectors, DatWithAnOddRecord) {
  const Event good{kBefore, 639, 479, 1};
  for (const Event odd :
       {Event{kBefore, 640, 0, 0}, Event{kBefore, 0, 480, 0}, Event{kBefore, 0, 0, 2}, Event{kBefore - 1, 0, 0, 0}}) {
    for (size_t place = 0; place < 19; ++place) {
      std::vector<uint64_t> words(19, dat_word(good));
      words[place] = dat_word(odd);
      const auto bytes = bytes_of(words);
      on_every_target([&] {
        std::vector<Event> made(19);
        int64_t last = kBefore;
        EXPECT_FALSE(decode_dat(bytes.data() + 1, 19, 0, kBounds, last, made.data())) << "place " << place;
      });
    }
  }
}

uint32_t evt2_event(uint32_t low, uint32_t x, uint32_t y, uint32_t p) { return p << 28 | low << 22 | x << 11 | y; }
uint32_t evt2_high(uint32_t high) { return 8u << 28 | high; }

// What one word after the other says: up to the first odd one.
size_t naive_evt2(std::span<const uint32_t> words, Evt2State& state, std::vector<Event>& made) {
  for (size_t i = 0; i < words.size(); ++i) {
    const uint32_t w = words[i], type = w >> 28;
    if (type == 8) {
      const int64_t high = state.epoch + (int64_t(w & 0x0FFF'FFFF) << 6);
      if (high < state.high) return i;
      state.high = high;
      continue;
    }
    const Event e{state.high | (w >> 22 & 63), uint16_t(w >> 11 & 0x7FF), uint16_t(w & 0x7FF), uint8_t(type)};
    if (type > 1 || e.x >= kBounds.width || e.y >= kBounds.height || e.t < state.last) return i;
    state.last = e.t;
    made.push_back(e);
  }
  return words.size();
}

// The vectors may stop up to a vector before the odd word; the naive loop goes on from there.
void check_evt2(const std::vector<uint32_t>& words) {
  const auto bytes = bytes_of(words);
  const Evt2State start{.epoch = int64_t(1) << 34, .high = int64_t(1) << 34, .last = int64_t(1) << 34};
  Evt2State want = start;
  std::vector<Event> events;
  const size_t taken = naive_evt2(words, want, events);
  on_every_target([&] {
    Evt2State state = start;
    std::vector<Event> made(words.size() + 16);
    size_t n = 0;
    const size_t used = decode_evt2(bytes.data() + 1, words.size(), kBounds, state, made.data(), n);
    ASSERT_LE(used, taken);
    EXPECT_LT(taken - used, 8u);
    made.resize(n);
    naive_evt2(std::span(words).subspan(used), state, made);
    EXPECT_THAT(made, ElementsAreArray(events));
    EXPECT_EQ(state.high, want.high);
    EXPECT_EQ(state.last, want.last);
  });
}

// A third of the words are times, so that vectors have none, one and several of them, at every place.
std::vector<uint32_t> evt2_words(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint32_t> words;
  uint32_t high = 1;
  while (words.size() < n) {
    if (random() % 3 == 0) {
      high += random() % 2;
      words.push_back(evt2_high(high));
    } else {
      words.push_back(evt2_event(63, random() % 640, random() % 480, random() % 2));
    }
  }
  return words;
}

TEST(Vectors, Evt2OfEveryLength) {
  for (uint32_t n = 0; n <= 100; ++n) check_evt2(evt2_words(n, n));
}

TEST(Vectors, Evt2WithAnOddWord) {
  for (const uint32_t odd : {evt2_event(63, 640, 0, 0), evt2_event(63, 0, 480, 0), evt2_event(62, 0, 0, 0),
                             evt2_event(63, 0, 0, 2), evt2_high(0), uint32_t(0xE000'0000)}) {
    for (uint32_t place = 1; place < 30; ++place) {
      auto words = evt2_words(40, 7);
      words[place - 1] = evt2_event(63, 0, 0, 0);
      words[place] = odd;
      check_evt2(words);
    }
  }
}

}  // namespace
}  // namespace spikemix
