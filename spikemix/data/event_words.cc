// SPDX-License-Identifier: MIT
#include "spikemix/data/event_words.h"

#include <algorithm>
#include <bit>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

constexpr uint32_t kAll = 0xFFFFFFFF;
constexpr int kMostPlaceBits = 30;  // which leaves a bit for the time

}  // namespace

EventWords pack_events(std::span<const Event> events) {
  uint32_t x = 0, y = 0;
  for (const Event& e : events) x |= e.x, y |= e.y;
  EventWords packed{int(std::bit_width(x)), int(std::bit_width(y)), {}};
  const int place_bits = packed.x_bits + packed.y_bits;
  if (place_bits > kMostPlaceBits) {
    throw input_error("events up to x = {}, y = {}: a sensor of this size has no compact form", x, y);
  }
  const int shift = 1 + place_bits;
  const uint64_t longest = kAll >> shift;
  packed.words.reserve(events.size());
  int64_t last = events.empty() ? 0 : events.front().t;
  for (const Event& e : events) {
    const uint32_t place = uint32_t(e.p) | uint32_t(e.x) << 1 | uint32_t(e.y) << (1 + packed.x_bits);
    const uint64_t delay = uint64_t(e.t) - uint64_t(last);
    last = e.t;
    packed.words.push_back(place | uint32_t(std::min(delay, longest)) << shift);
    if (delay < longest) continue;
    packed.words.push_back(uint32_t(std::min<uint64_t>(delay, kAll)));
    if (delay < kAll) continue;
    packed.words.push_back(uint32_t(delay));
    packed.words.push_back(uint32_t(delay >> 32));
  }
  return packed;
}

bool unpack_events(std::span<const uint32_t> words, int x_bits, int y_bits, int64_t first_t, std::span<Event> events) {
  if (x_bits < 0 || y_bits < 0 || x_bits > 16 || y_bits > 16 || x_bits + y_bits > kMostPlaceBits) return false;
  const int shift = 1 + x_bits + y_bits;
  const uint32_t longest = kAll >> shift, x_mask = (1u << x_bits) - 1, y_mask = (1u << y_bits) - 1;
  const uint32_t* word = words.data();
  const uint32_t* const end = word + words.size();
  auto t = uint64_t(first_t);
  for (Event& e : events) {
    if (word == end) return false;
    const uint32_t w = *word++;
    uint64_t delay = w >> shift;
    if (delay == longest) [[unlikely]] {
      if (word == end) return false;
      delay = *word++;
      if (delay == kAll) {
        if (end - word < 2) return false;
        delay = word[0] | uint64_t(word[1]) << 32;
        word += 2;
      }
    }
    t += delay;
    store_event(&e, int64_t(t), w >> 1 & x_mask, w >> (1 + x_bits) & y_mask, w & 1);
  }
  return word == end;
}

}  // namespace spikemix
