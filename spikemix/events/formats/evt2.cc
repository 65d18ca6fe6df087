// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/evt.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

struct Evt2 {
  using Word = uint32_t;
  static constexpr size_t kEventsOfWord = 1;
  enum Type : uint32_t { kOff = 0x0, kOn = 0x1, kTimeHigh = 0x8 };

  template <class Sink>
  void word(Word w, Sink&& sink) {
    const uint32_t type = w >> 28;
    if (type <= kOn) [[likely]] {
      if (high_ >= 0) sink(high_ | (w >> 22 & 0x3F), w >> 11 & 0x7FF, w & 0x7FF, uint8_t(type));
    } else if (type == kTimeHigh) {
      const uint32_t high = w & 0x0FFFFFFF;
      high_ = epoch_.next(high, 28, int64_t(1) << 34) + (int64_t(high) << 6);
    }
  }

  // Without a branch between the two usual kinds of words: nothing predicts which one comes next.
  [[gnu::noinline]] size_t run(const uint8_t* words, size_t n, Event*& events, EventChecks& all_checks) {
    if (high_ < 0) return 0;
    const EventChecks checks = all_checks;
    const int64_t epoch = epoch_.now();
    Evt2State state{.epoch = epoch, .high = high_, .last = checks.last()};
    size_t made = 0;
    size_t i = decode_evt2(words, n, checks.bounds(), state, events, made);
    Event* out = events + made;
    int64_t high = state.high, last = state.last;
    for (; i < n; ++i) {  // up to the odd word, or the last ones
      const auto w = load_little_endian<uint32_t>(words + 4 * i);
      const uint32_t type = w >> 28, x = w >> 11 & 0x7FF, y = w & 0x7FF;
      const bool is_high = type == kTimeHigh;
      const int64_t next = epoch + (int64_t(w & 0x0FFFFFFF) << 6);
      const int64_t t = is_high ? next : high | (w >> 22 & 0x3F);
      const bool odd = is_high ? next < high : bool((type > kOn) | checks.outside(x, y) | (t < last));
      if (odd) [[unlikely]]
        break;
      store_event(out, t, x, y, type);
      out += !is_high;
      high = is_high ? next : high;
      last = is_high ? last : t;
    }
    if (high != high_) epoch_.seen(uint32_t((high - epoch) >> 6));
    high_ = high;
    all_checks.set_last(last);
    events = out;
    return i;
  }

 private:
  int64_t high_ = -1;  // microseconds, without the lowest 6 bits; -1: unknown yet
  ClockEpoch epoch_;
};

}  // namespace

bool recognises_evt2(std::span<const uint8_t> head) {
  return prophesee_encoding(read_text_header(head, '%', "% end")) == "EVT2";
}

std::unique_ptr<EventReader> open_evt2(ByteSource source, const ReadOptions& options) {
  return open_evt<Evt2>(std::move(source), options);
}

}  // namespace spikemix
