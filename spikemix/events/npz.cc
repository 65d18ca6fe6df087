#include <algorithm>
#include <array>
#include <cmath>

#include "spikemix/events/flat.h"
#include "spikemix/events/npy_header.h"
#include "spikemix/events/readers.h"
#include "spikemix/events/zip_member.h"

namespace spikemix {
namespace {

constexpr size_t kEvents = 8192;
constexpr std::string_view kNames = "txyp";

// An array in the archive, read in pieces.
struct Array {
  std::string name;
  ZipMember member;
  NpyHeader header;
  std::vector<uint8_t> elements;
};

Array open_array(const ByteSource& source, const std::string& name) {
  ZipMember member(source, name);
  const auto fail = [&](std::string_view what) { return source.error_at(member.byte(), "{}: {}", name, what); };
  std::array<uint8_t, 12> start{};
  const size_t preamble = member.read(std::span(start).first(10));
  if (preamble < 10 || std::memcmp(start.data(), "\x93NUMPY", 6) != 0)
    throw fail("no numpy array, expected '\\x93NUMPY'");
  size_t length = load_little_endian<uint16_t>(&start[8]);
  if (start[6] > 1) {  // version 2 and 3: four bytes for the length
    if (member.read(std::span(start).subspan(10)) < 2) throw fail("ends within its header");
    length = load_little_endian<uint32_t>(&start[8]);
  }
  if (length > 1 << 16) throw fail(fmt::format("header of {} bytes, expected {} at most", length, 1 << 16));
  std::string text(length, '\0');
  if (member.read({reinterpret_cast<uint8_t*>(text.data()), length}) < length) throw fail("ends within its header");
  auto header = parse_npy_header(text);
  if (!header) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    std::ranges::replace_if(
        text, [](char c) { return c < ' '; }, '?');
    throw fail(fmt::format("array {}, expected one dimension of integers, or of records with the fields t, x, y, p",
                           text.substr(0, 200)));
  }
  return {name, std::move(member), *header, {}};
}

template <class T>
int64_t to_int64(const uint8_t* bytes, bool big_endian) {
  std::array<uint8_t, sizeof(T)> copy;
  std::copy_n(bytes, sizeof(T), copy.begin());
  if (big_endian) std::ranges::reverse(copy);
  const T value = load_little_endian<T>(copy.data());
  if constexpr (std::is_floating_point_v<T>) {
    // Times in microseconds are sometimes kept as floats. What is no integer of 63 bits becomes one that no check
    // passes.
    return value >= T(-9.2e18) && value <= T(9.2e18) ? int64_t(std::floor(value)) : INT64_MIN;
  } else {
    return int64_t(value);
  }
}

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

// t, x, y or p: a field of an array.
struct Column {
  size_t array;
  NpyField field;
};

class NpzReader : public EventReader {
 public:
  NpzReader(ByteSource source, std::vector<Array> arrays, const std::array<Column, 4>& columns,
            const ReadOptions& options)
      : source_(std::move(source)),
        arrays_(std::move(arrays)),
        columns_(columns),
        left_(arrays_.front().header.length),
        checks_(options.sensor, options.unordered),
        events_(size_t(std::min<uint64_t>(left_, kEvents))) {
    sensor_ = options.sensor;
  }

  std::span<const Event> read() override {
    const size_t n = size_t(std::min<uint64_t>(left_, kEvents));
    for (Array& array : arrays_) read_elements(array, n);
    left_ -= n;
    if (n == 0) return {};
    fill<0>(n, [](Event& e, int64_t t) { return e.t = t, t != INT64_MIN; });
    fill<1>(n, [](Event& e, int64_t x) { return e.x = uint16_t(x), x >= 0 && x <= UINT16_MAX; });
    fill<2>(n, [](Event& e, int64_t y) { return e.y = uint16_t(y), y >= 0 && y <= UINT16_MAX; });
    fill<3>(n, [](Event& e, int64_t p) { return e.p = uint8_t(p), p == 0 || p == 1; });
    check({events_.data(), n});
    return {events_.data(), n};
  }

 private:
  void check(std::span<const Event> events) {
    bool odd = false;
    int64_t last = checks_.last();
    for (const Event& e : events) {
      odd |= checks_.outside(e.x, e.y) | (e.t < last);
      last = e.t;
    }
    if (odd) {
      const uint64_t byte =
          arrays_[columns_[0].array].member.byte();  // an event lies at four places: t's array is named
      for (const Event& e : events) checks_.check(e, source_, byte);
    }
    checks_.set_last(last);
  }

  void read_elements(Array& array, size_t n) {
    if (n == 0) {  // one byte more than expected shows an array that is too long; the end compares the checksum
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

  template <size_t kColumn, class Set>
  void fill(size_t n, Set set) {
    const Column& column = columns_[kColumn];
    const Array& array = arrays_[column.array];
    const uint8_t* element = array.elements.data() + column.field.offset;
    const size_t stride = array.header.element;
    // numpy's usual integers in a loop of their own.
    if (column.field.kind == 'i' && column.field.size == 8 && !column.field.big_endian) {
      fill_from(n, set, column, [&](size_t i) { return load_little_endian<int64_t>(element + i * stride); });
    } else {
      const Convert convert = converter(column.field);
      fill_from(n, set, column, [&](size_t i) { return convert(element + i * stride, column.field.big_endian); });
    }
  }

  template <class Set, class Get>
  void fill_from(size_t n, Set set, const Column& column, Get get) {
    bool good = true;
    for (size_t i = 0; i < n; ++i) good &= set(events_[i], get(i));
    if (good) return;
    for (size_t i = 0; i < n; ++i) {
      if (set(events_[i], get(i))) continue;
      const Array& array = arrays_[column.array];
      throw source_.error_at(array.member.byte(), "{}: {} = {} in element {}, out of range", array.name,
                             column.field.name, get(i), array.header.length - left_ - n + i);
    }
  }

  ByteSource source_;
  std::vector<Array> arrays_;
  std::array<Column, 4> columns_;
  uint64_t left_;
  EventChecks checks_;
  std::vector<Event> events_;
};

}  // namespace

bool recognises_npz(std::span<const uint8_t> head) {
  return head.size() >= 4 && std::memcmp(head.data(), "PK\3\4", 4) == 0;
}

std::unique_ptr<EventReader> open_npz(ByteSource source, const ReadOptions& options) {
  if (!source.input()->size()) throw source.error_at(0, "an npz cannot be read from a pipe, expected a file");
  const std::vector<std::string> names = zip_members(source);
  std::vector<Array> arrays;
  std::array<Column, 4> columns{};
  std::string missing, members;
  for (const std::string& name : names) members += (members.empty() ? "" : ", ") + name;
  for (size_t i = 0; i < kNames.size(); ++i) {
    const std::string name = std::string(1, kNames[i]) + ".npy";
    if (std::ranges::find(names, name) == names.end()) {
      missing += (missing.empty() ? "" : ", ") + name;
      continue;
    }
    Array array = open_array(source, name);
    if (array.header.fields.size() != 1 || array.header.fields[0].kind == 'V') {
      throw source.error_at(array.member.byte(), "{}: records, expected an array of integers", name);
    }
    if (!arrays.empty() && array.header.length != arrays.front().header.length) {
      throw source.error_at(array.member.byte(), "{} has {} elements, expected {} as {}", name, array.header.length,
                            arrays.front().header.length, arrays.front().name);
    }
    columns[i] = {arrays.size(), array.header.fields[0]};
    columns[i].field.name = kNames[i];
    arrays.push_back(std::move(array));
  }
  if (missing.empty()) return std::make_unique<NpzReader>(std::move(source), std::move(arrays), columns, options);
  if (names.size() != 1) {
    throw source.error_at(0, "zip archive of {}; expected also {}", members.empty() ? "nothing" : members, missing);
  }
  // One array of records.
  arrays.clear();
  arrays.push_back(open_array(source, names[0]));
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto& fields = arrays[0].header.fields;
    const auto found = std::ranges::find(fields, std::string(1, kNames[i]), &NpyField::name);
    if (found == fields.end() || found->kind == 'V') {
      throw source.error_at(arrays[0].member.byte(),
                            "{} has no field {}; expected records of t, x, y, p, or t.npy, x.npy, y.npy, p.npy",
                            names[0], kNames[i]);
    }
    columns[i] = {0, *found};
  }
  return std::make_unique<NpzReader>(std::move(source), std::move(arrays), columns, options);
}

}  // namespace spikemix
