// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/evt.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

struct Evt3 {
  using Word = uint16_t;
  static constexpr size_t kEventsOfWord = 12;
  enum Type : uint16_t {
    kY = 0x0,
    kX = 0x2,           // one event
    kVectorBase = 0x3,  // x and polarity of the first pixel of the next vector
    kVector12 = 0x4,    // a bit for each of 12 pixels to the right of the base, which then moves on by 12
    kVector8 = 0x5,
    kTimeLow = 0x6,
    kTimeHigh = 0x8
  };

  template <class Sink>
  void word(Word w, Sink&& sink) {
    const uint32_t value = w & 0xFFF;
    switch (w >> 12) {
      case kY:
        y_ = w & 0x7FF;
        break;
      case kX:
        if (t_ >= 0) sink(t_, w & 0x7FF, y_, uint8_t(w >> 11 & 1));
        break;
      case kVectorBase:
        base_ = w & 0x7FF;
        p_ = uint8_t(w >> 11 & 1);
        break;
      case kVector12:
        vector(value, 12, sink);
        break;
      case kVector8:
        vector(value & 0xFF, 8, sink);
        break;
      case kTimeLow:
        if (t_ >= 0) t_ = high_ | value;
        break;
      case kTimeHigh:
        // Sensors repeat it while the low part advances: only a new high part starts at a low part of 0.
        if (t_ < 0 || value != (high_ >> 12 & 0xFFF)) {
          high_ = epoch_.next(value, 12, int64_t(1) << 24) + (int64_t(value) << 12);
          t_ = high_;
        }
        break;
      default:
        break;
    }
  }

  // Sensors write the time, the row and the column in this order, each only if it is new. Reading them in that order
  // makes the branches predictable.
  [[gnu::noinline]] size_t run(const uint8_t* words, size_t n, Event*& events, EventChecks& all_checks) {
    if (t_ < 0) return 0;
    const EventChecks checks = all_checks;
    const int64_t high = high_;
    Event* out = events;
    int64_t t = t_, last = checks.last();
    uint32_t y = y_;
    const uint8_t* word = words;
    const uint8_t* const end = words + 2 * n;
    while (end - word >= 6) {
      uint64_t w = load_little_endian<uint32_t>(word) | uint64_t(load_little_endian<uint16_t>(word + 4)) << 32;
      const uint8_t* next = word;
      if ((w >> 12 & 0xF) == kTimeLow) {
        t = high | int64_t(w & 0xFFF);
        w >>= 16;
        next += 2;
      }
      if ((w >> 12 & 0xF) == kY) {
        y = uint32_t(w & 0x7FF);
        w >>= 16;
        next += 2;
      }
      const auto x = uint32_t(w & 0x7FF);
      word = next;
      if (((w >> 12 & 0xF) != kX) | checks.outside(x, y) | (t < last)) [[unlikely]]
        break;
      store_event(out++, t, x, y, uint32_t(w >> 11 & 1));
      last = t;
      word += 2;
    }
    t_ = t;
    y_ = y;
    all_checks.set_last(last);
    events = out;
    return size_t(word - words) / 2;
  }

 private:
  template <class Sink>
  void vector(uint32_t bits, uint32_t pixels, Sink& sink) {
    if (t_ >= 0) {
      for (; bits; bits &= bits - 1) sink(t_, base_ + uint32_t(std::countr_zero(bits)), y_, p_);
    }
    base_ += pixels;
  }

  int64_t t_ = -1, high_ = 0;  // microseconds; t_ = -1: unknown yet
  uint32_t y_ = 0, base_ = 0;
  uint8_t p_ = 0;
  ClockEpoch epoch_;
};

}  // namespace

bool recognises_evt3(std::span<const uint8_t> head) {
  return prophesee_encoding(read_text_header(head, '%', "% end")) == "EVT3";
}

std::unique_ptr<EventReader> open_evt3(ByteSource source, const ReadOptions& options) {
  return open_evt<Evt3>(std::move(source), options);
}

}  // namespace spikemix
