// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/prophesee.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// The common part of EVT2 and EVT3: words whose meaning depends on the words before. A Decoder has
///   Word                the type of a word
///   kEventsOfWord       the most events that one word makes
///   void word(Word, Sink&)  takes a word. Events go to sink(t, x, y, p). Other words are skipped:
///                       external signals, vendors' additions, and reserved types, which cameras write as padding.
///   size_t run(words, n, Event*& out, EventChecks&)  takes the usual words, at most n; stops before the first rare or
///                       odd one. Returns how many it took. May write more events than it makes, none past
///                       out + n. Out of line, so that its state stays in registers.
template <class Decoder>
class EvtReader : public EventReader {
  using Word = typename Decoder::Word;
  static_assert(Decoder::kEventsOfWord < kRoom - kBatch);

 public:
  EvtReader(ByteSource source, SensorSize sensor, const ReadOptions& options)
      : source_(std::move(source)), options_(options), checks_(sensor, options) {
    sensor_ = sensor;
  }

  std::span<const Event> read_into(std::span<Event> room) override {
    for (;;) {
      const auto bytes = source_.peek(sizeof(Word));
      if (bytes.size() < sizeof(Word)) {
        if (!bytes.empty() && !options_.truncated) {
          throw source_.error_at(source_.offset(), "{} bytes left, expected a word of {}{}", bytes.size(), sizeof(Word),
                                 incomplete(options_));
        }
        return {};
      }
      // Local copies, so that the compiler keeps the state in registers while it stores events.
      Decoder decoder = decoder_;
      EventChecks checks = checks_;
      Event* out = room.data();
      const Event* const full = out + kBatch;
      const size_t words = bytes.size() / sizeof(Word);
      size_t i = 0;
      while (i < words && out < full) {
        i += decoder.run(bytes.data() + i * sizeof(Word), std::min(words - i, size_t(full - out)), out, checks);
        if (i == words || out >= full) break;
        const Word w = load_little_endian<Word>(bytes.data() + i * sizeof(Word));
        const uint64_t byte = source_.offset() + i * sizeof(Word);
        const auto sink = [&](int64_t t, uint32_t x, uint32_t y, uint8_t p) {
          const Event e{.t = t, .x = uint16_t(x), .y = uint16_t(y), .p = p};
          if ((checks.outside(x, y) | (t < checks.last())) && !checks.check(e, source_, byte)) return;
          checks.set_last(t);
          *out++ = e;
        };
        decoder.word(w, sink);
        ++i;
      }
      decoder_ = decoder;
      checks_ = checks;
      source_.skip(i * sizeof(Word));
      if (out != room.data()) return {room.data(), out};
    }
  }

 private:
  ByteSource source_;
  ReadOptions options_;
  Decoder decoder_;
  EventChecks checks_;
};

template <class Decoder>
std::unique_ptr<EventReader> open_evt(ByteSource source, const ReadOptions& options) {
  const TextHeader header = read_text_header(source, '%', "% end");
  const SensorSize sensor = options.sensor.known() ? options.sensor : prophesee_sensor(header, source.name());
  return std::make_unique<EvtReader<Decoder>>(std::move(source), sensor, options);
}

/// The high part of a clock, `bits` wide: returns what must be added to the times because the clock restarted.
class ClockEpoch {
 public:
  /// @param period  microseconds from one restart to the next
  int64_t next(uint32_t high, uint32_t bits, int64_t period) {
    // More than half a period back is a restart, less is disorder.
    if (high < last_ && last_ - high > 1u << (bits - 1)) epoch_ += period;
    last_ = high;
    return epoch_;
  }
  int64_t now() const { return epoch_; }
  /// Sees a high part that is not less than the previous one.
  void seen(uint32_t high) { last_ = high; }

 private:
  uint32_t last_ = 0;
  int64_t epoch_ = 0;
};

}  // namespace spikemix
