// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "spikemix/events/formats/vectors.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// The integer at `bytes`, at any alignment.
template <class T>
T load_little_endian(const uint8_t* bytes) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// The checks on every event of a recording.
class EventChecks {
 public:
  EventChecks(SensorSize sensor, const ReadOptions& options)
      : width_(sensor.known() ? uint32_t(sensor.width) : 1 << 16),
        height_(sensor.known() ? uint32_t(sensor.height) : 1 << 16),
        unordered_(options.unordered),
        left_out_(options.left_out) {}

  Bounds bounds() const { return {width_, height_}; }
  bool outside(uint32_t x, uint32_t y) const { return (x >= width_) | (y >= height_); }

  /// Checks one event, which follows those that passed before. @return false if it is to be left out
  /// @throws InputError that says what is wrong with it
  bool check(const Event& e, const ByteSource& source, uint64_t byte) {
    if (outside(e.x, e.y)) {
      if (left_out_) return ++*left_out_, false;
      throw source.error_at(byte,
                            "event at x = {}, y = {}, expected x below {} and y below {}; another sensor (--size)?",
                            e.x, e.y, width_, height_);
    }
    if (e.p > 1) throw source.error_at(byte, "polarity {}, expected 0 or 1", e.p);
    if (e.t > kMostTime || e.t < -kMostTime) throw source.error_at(byte, "time {} us, expected 2^62 at most", e.t);
    if (e.t < last_ && !unordered_) {
      throw source.error_at(byte, "time runs back from {} to {} us, expected no less (--unordered reads it as it is)",
                            last_, e.t);
    }
    last_ = e.t;
    return true;
  }

  int64_t last() const { return last_; }
  void set_last(int64_t t) { last_ = t; }

 private:
  uint32_t width_, height_;
  bool unordered_;
  int64_t* left_out_;
  int64_t last_ = std::numeric_limits<int64_t>::min();
};

/// Decodes records of a fixed size. A Layout has
///   kBytes            bytes of a record
///   kPeriod           microseconds after which its clock restarts; 0: never
///   Event event(const uint8_t*)  the event of a record, its time from 0 to kPeriod - 1
///   bool is_event(const uint8_t*)   false for a record to be left out
///   int64_t advance(const uint8_t*) microseconds that a record left out adds to all later times (N-MNIST's overflows)
/// and may have
///   static bool decode(...)   several records at a time, as decode_dat() (vectors.h)
///
/// A block is first decoded in a loop without branches, which only records whether something is odd. If so, it is
/// decoded again record by record, with omissions, restarts of the clock and errors.
template <class Layout>
class FlatDecoder {
 public:
  FlatDecoder(Layout layout, SensorSize sensor, const ReadOptions& options)
      : layout_(layout), checks_(sensor, options) {}

  /// The bytes of the whole records in `bytes` that decode() takes at once.
  static size_t batch(std::span<const uint8_t> bytes) {
    return std::min(EventReader::kBatch, bytes.size() / Layout::kBytes) * Layout::kBytes;
  }

  /// The events of the first batch() bytes, in `room`. @param byte  the first record's place in the file
  /// @param base  microseconds to be added to each time
  std::span<const Event> decode(std::span<const uint8_t> bytes, const ByteSource& source, uint64_t byte, int64_t base,
                                std::span<Event> room) {
    const size_t n = batch(bytes) / Layout::kBytes;
    const EventChecks checks = checks_;  // local copies, which no store to an event can change
    const int64_t origin = base + epoch_;
    Event* const out = room.data();
    int64_t last = checks.last();
    bool odd = false;
    const uint8_t* record = bytes.data();
    if constexpr (requires { &Layout::decode; }) {
      odd = !Layout::decode(record, n, origin, checks.bounds(), last, out);
    } else {
      for (size_t i = 0; i < n; ++i, record += Layout::kBytes) {
        Event e = layout_.event(record);
        e.t += origin;
        odd |= !layout_.is_event(record) | checks.outside(e.x, e.y) | (e.p > 1) | (e.t < last);
        last = e.t;
        store_event(out + i, e.t, e.x, e.y, e.p);
      }
    }
    if (odd) return decode_carefully(bytes.first(n * Layout::kBytes), source, byte, base, out);
    checks_.set_last(last);
    return room.first(n);
  }

 private:
  std::span<const Event> decode_carefully(std::span<const uint8_t> bytes, const ByteSource& source, uint64_t byte,
                                          int64_t base, Event* out) {
    size_t kept = 0;
    for (size_t at = 0; at < bytes.size(); at += Layout::kBytes) {
      const uint8_t* record = bytes.data() + at;
      epoch_ += layout_.advance(record);
      if (!layout_.is_event(record)) continue;
      Event e = layout_.event(record);
      e.t += base + epoch_;
      // A record that is left out says nothing about the clock.
      if (checks_.outside(e.x, e.y) && !checks_.check(e, source, byte + at)) continue;
      // A time more than half a period back is not disorder.
      if (Layout::kPeriod > 0 && e.t < checks_.last() && checks_.last() - e.t > Layout::kPeriod / 2) {
        epoch_ += Layout::kPeriod;
        e.t += Layout::kPeriod;
      }
      checks_.check(e, source, byte + at);
      out[kept++] = e;
    }
    return {out, kept};
  }

  Layout layout_;
  EventChecks checks_;
  int64_t epoch_ = 0;
};

/// A recording that consists only of records, from the source's place to the file's end.
template <class Layout>
class FlatReader : public EventReader {
 public:
  FlatReader(ByteSource source, Layout layout, SensorSize sensor, const ReadOptions& options)
      : source_(std::move(source)),
        options_(options),
        decoder_(layout, options.sensor.known() ? options.sensor : sensor, options) {
    sensor_ = options.sensor.known() ? options.sensor : sensor;
  }

  std::span<const Event> read_into(std::span<Event> room) override {
    for (;;) {
      const auto bytes = source_.peek(Layout::kBytes);
      if (bytes.size() < Layout::kBytes) {
        if (!bytes.empty() && !options_.truncated) {
          throw source_.error_at(source_.offset(), "{} bytes left, expected an event of {}{}", bytes.size(),
                                 Layout::kBytes, incomplete(options_));
        }
        return {};
      }
      const auto events = decoder_.decode(bytes, source_, source_.offset(), 0, room);
      source_.skip(decoder_.batch(bytes));  // the events are copies
      if (!events.empty()) return events;
    }
  }

 private:
  ByteSource source_;
  ReadOptions options_;
  FlatDecoder<Layout> decoder_;
};

}  // namespace spikemix
