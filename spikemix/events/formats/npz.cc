// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>

#include "spikemix/events/formats/flat.h"
#include "spikemix/events/formats/npz_columns.h"
#include "spikemix/events/formats/readers.h"

namespace spikemix {
namespace {

// Stands for anything that is not a whole number of 63 bits: no check lets it through.
constexpr int64_t kNone = INT64_MIN;

template <class T>
T load(const uint8_t* bytes, bool big_endian) {
  std::array<uint8_t, sizeof(T)> copy;
  std::copy_n(bytes, sizeof(T), copy.begin());
  if (big_endian) std::ranges::reverse(copy);
  return load_little_endian<T>(copy.data());
}

template <class T>
int64_t to_int64(const uint8_t* bytes, bool big_endian) {
  const T value = load<T>(bytes, big_endian);
  if constexpr (std::is_floating_point_v<T>) {
    return value >= T(-9.2e18) && value <= T(9.2e18) && std::floor(value) == value ? int64_t(value) : kNone;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return value <= uint64_t(INT64_MAX) ? int64_t(value) : kNone;
  } else {
    return int64_t(value);
  }
}

// The same of little-endian integers, as a type of its own, so that a loop over it has no calls.
template <class T>
constexpr auto to_whole = [](const uint8_t* bytes) { return int64_t(load_little_endian<T>(bytes)); };

using Convert = int64_t (*)(const uint8_t*, bool);

Convert converter(const NpyField& field) {
  switch (field.size) {
    case 1:
      return field.kind == 'i' ? to_int64<int8_t> : to_int64<uint8_t>;
    case 2:
      return field.kind == 'i' ? to_int64<int16_t> : to_int64<uint16_t>;
    case 4:
      return field.kind == 'f' ? to_int64<float> : (field.kind == 'i' ? to_int64<int32_t> : to_int64<uint32_t>);
    default:
      return field.kind == 'f' ? to_int64<double> : (field.kind == 'i' ? to_int64<int64_t> : to_int64<uint64_t>);
  }
}

double to_double(const NpyField& field, const uint8_t* bytes) {
  return field.size == 4 ? double(load<float>(bytes, field.big_endian)) : load<double>(bytes, field.big_endian);
}

// "0.25", "-1", "18446744073709551615".
std::string show(const NpyField& field, const uint8_t* bytes) {
  if (field.kind == 'f') return fmt::to_string(to_double(field, bytes));
  if (field.kind == 'u' && field.size == 8) return fmt::to_string(load<uint64_t>(bytes, field.big_endian));
  return fmt::to_string(converter(field)(bytes, field.big_endian));
}

double us_in(TimeUnit unit) {
  return unit == TimeUnit::kSeconds        ? 1e6
         : unit == TimeUnit::kMilliseconds ? 1e3
         : unit == TimeUnit::kNanoseconds  ? 1e-3
                                           : 1;
}

// A time from the array, in microseconds: floats are rounded to the nearest one, nanoseconds down.
int64_t to_us(const NpyField& field, const uint8_t* bytes, TimeUnit unit) {
  if (field.kind == 'f') {
    const double us = to_double(field, bytes) * us_in(unit);
    return std::abs(us) <= 9.2e18 ? std::llround(us) : kNone;
  }
  const int64_t time = converter(field)(bytes, field.big_endian);
  if (time == kNone) return kNone;
  if (unit == TimeUnit::kNanoseconds) return time / 1000 - (time % 1000 < 0);
  int64_t us = 0;
  return __builtin_mul_overflow(time, int64_t(us_in(unit)), &us) ? kNone : us;
}

class NpzReader : public EventReader {
 public:
  NpzReader(ByteSource source, NpzColumns columns, const ReadOptions& options)
      : source_(std::move(source)),
        arrays_(std::move(columns.arrays)),
        columns_(columns.columns),
        left_(arrays_.front().header.length),
        time_unit_(options.time_unit),
        checks_(options.sensor, options) {
    sensor_ = options.sensor;
  }

  std::span<const Event> read_into(std::span<Event> room) override {
    events_ = room.data();
    for (;;) {
      const size_t n = size_t(std::min<uint64_t>(left_, kBatch));
      for (NpzArray& array : arrays_) read_elements(array, n);
      left_ -= n;
      if (n == 0) return {};
      fill_times(n);
      fill<1>(n, [](Event& e, int64_t x) { return e.x = uint16_t(x), x >= 0 && x <= UINT16_MAX; });
      fill<2>(n, [](Event& e, int64_t y) { return e.y = uint16_t(y), y >= 0 && y <= UINT16_MAX; });
      fill_polarities(n);
      const size_t kept = check(room.first(n));
      if (kept > 0) return room.first(kept);
    }
  }

 private:
  static constexpr std::array<const char*, 4> kExpected = {"a whole number below 2^62",
                                                           "a whole number from 0 to 65535",
                                                           "a whole number from 0 to 65535", "0 and 1, or -1 and 1"};

  // Moves the events that are to be kept to the front. @return how many there are
  size_t check(std::span<Event> events) {
    bool odd = false;
    int64_t last = checks_.last();
    for (const Event& e : events) {
      odd |= checks_.outside(e.x, e.y) | (e.t < last);
      last = e.t;
    }
    if (!odd) {
      checks_.set_last(last);
      return events.size();
    }
    const uint64_t byte = arrays_[columns_[0].array].member.byte();  // an event is in four places: t's array is named
    size_t kept = 0;
    for (const Event e : events) {
      if (checks_.check(e, source_, byte)) events[kept++] = e;
    }
    return kept;
  }

  void read_elements(NpzArray& array, size_t n) {
    if (n == 0) {  // reading one byte more reveals an array that is too long; the end compares the checksum
      uint8_t more;
      if (array.member.read({&more, 1}) == 0) return;
      throw source_.error_at(array.member.byte(), "{}: more than its {} elements", array.name, array.header.length);
    }
    array.elements.resize(n * array.header.element);
    if (array.member.read(array.elements) < array.elements.size()) {
      throw source_.error_at(array.member.byte(), "{}: ends before its {} elements; damaged?", array.name,
                             array.header.length);
    }
  }

  void fill_times(size_t n) {
    // One comparison for both bounds.
    const auto set = [](Event& e, int64_t t) { return e.t = t, uint64_t(t) + kMostTime <= 2 * uint64_t(kMostTime); };
    if (!time_unit_) return fill<0>(n, set);
    fill_from<0>(n, set, [&](size_t i) { return to_us(columns_[0].field, element<0>(i), *time_unit_); });
  }

  void fill_polarities(size_t n) {
    const bool good = !minus_ && try_fill<3>(n, [](Event& e, int64_t p) { return e.p = uint8_t(p), uint64_t(p) <= 1; });
    if (good) {
      zeros_ = zeros_ || std::any_of(events_, events_ + n, [](const Event& e) { return e.p == 0; });
      return;
    }
    // -1 is "off" if there is no 0: both together are invalid.
    const auto set = [&](Event& e, int64_t p) {
      minus_ |= p == -1, zeros_ |= p == 0;
      return e.p = p == 1, p >= -1 && p <= 1 && !(minus_ && zeros_);
    };
    const NpyField& field = columns_[3].field;
    fill_from<3>(n, set, [&](size_t i) { return converter(field)(element<3>(i), field.big_endian); });
  }

  template <size_t kColumn>
  const uint8_t* element(size_t i) const {
    const auto& column = columns_[kColumn];
    const NpzArray& array = arrays_[column.array];
    return array.elements.data() + column.field.offset + i * array.header.element;
  }

  // @return false if one of the elements is invalid
  template <size_t kColumn, class Set>
  bool try_fill(size_t n, Set set) {
    const NpyField& field = columns_[kColumn].field;
    const uint8_t* first = element<kColumn>(0);
    const size_t stride = arrays_[columns_[kColumn].array].header.element;
    Event* const events = events_;  // a store of bytes may alias the member
    const auto all = [&](auto get) {
      bool good = true;
      for (size_t i = 0; i < n; ++i) good &= set(events[i], get(first + i * stride));
      return good;
    };
    // The usual integers in loops of their own.
    if (!field.big_endian && field.kind != 'f') {
      const bool is_signed = field.kind == 'i';
      if (field.size == 1) return is_signed ? all(to_whole<int8_t>) : all(to_whole<uint8_t>);
      if (field.size == 2) return is_signed ? all(to_whole<int16_t>) : all(to_whole<uint16_t>);
      if (field.size == 8 && is_signed) return all(to_whole<int64_t>);
    }
    return all([convert = converter(field), &field](const uint8_t* bytes) { return convert(bytes, field.big_endian); });
  }

  template <size_t kColumn, class Set>
  void fill(size_t n, Set set) {
    if (try_fill<kColumn>(n, set)) return;
    const NpyField& field = columns_[kColumn].field;
    fill_from<kColumn>(n, set, [&](size_t i) { return converter(field)(element<kColumn>(i), field.big_endian); });
  }

  // The slow path. @throws InputError naming the first invalid element
  template <size_t kColumn, class Set, class Get>
  void fill_from(size_t n, Set set, Get get) {
    for (size_t i = 0; i < n; ++i) {
      if (set(events_[i], get(i))) continue;
      const auto& column = columns_[kColumn];
      const NpzArray& array = arrays_[column.array];
      const bool fraction = kColumn == 0 && column.field.kind == 'f' &&
                            std::isfinite(to_double(column.field, element<0>(i))) && !time_unit_;
      throw source_.error_at(
          array.member.byte(), "{}: {} = {} in element {}, expected {}", array.name, column.field.name,
          show(column.field, element<kColumn>(i)), array.header.length - left_ - n + i,
          fraction ? "whole microseconds; name the unit of the times: --time-unit s, ms or us" : kExpected[kColumn]);
    }
  }

  ByteSource source_;
  std::vector<NpzArray> arrays_;
  std::array<NpzColumns::Column, 4> columns_;
  uint64_t left_;
  std::optional<TimeUnit> time_unit_;
  bool minus_ = false, zeros_ = false;  // has a -1, a 0 been among the polarities so far?
  EventChecks checks_;
  Event* events_ = nullptr;  // the batch that is being made
};

}  // namespace

bool recognises_npz(std::span<const uint8_t> head) {
  return head.size() >= 4 && std::memcmp(head.data(), "PK\3\4", 4) == 0;
}

std::unique_ptr<EventReader> open_npz(ByteSource source, const ReadOptions& options) {
  if (!source.input()->size()) throw source.error_at(0, "an npz cannot be read from a pipe, expected a file");
  NpzColumns columns = find_npz_columns(source);
  return std::make_unique<NpzReader>(std::move(source), std::move(columns), options);
}

}  // namespace spikemix
