// SPDX-License-Identifier: MIT
#include <cmath>

#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/readers.h"

// npz as other programs write it: types, names, units and signs.
namespace spikemix {
namespace {

using encode::put;

TEST(Npz, EveryIntegerTypeAndBigEndian) {
  const auto entry = [](const char* name, const char* descr, const Bytes& bytes) {
    return encode::ZipEntry{name, encode::npy(descr, 2, bytes)};
  };
  const Bytes bytes = encode::zip({entry("p.npy", "'|b1'", {1, 0}), entry("y.npy", "'>u2'", {0, 5, 1, 0}),
                                   entry("x.npy", "'<u4'", {7, 0, 0, 0, 8, 0, 0, 0}), entry("t.npy", "'|i1'", {3, 4})},
                                  true);
  EXPECT_EQ(encode::read_all(bytes),
            (std::vector<Event>{{.t = 3, .x = 7, .y = 5, .p = 1}, {.t = 4, .x = 8, .y = 256, .p = 0}}));
}

TEST(Npz, RefusesDamagedFiles) {
  const auto events = encode::random_events(100, {128, 128});
  Bytes bytes = encode::npz(events, false);
  const auto refuse = [](Bytes b, const std::string& why) { expect_input_error([&] { encode::read_all(b); }, why); };
  size_t value = bytes.size() * 3 / 8;  // within x
  while (bytes[value] == 0) ++value;
  Bytes changed = bytes;
  changed[value] ^= 1;
  refuse(changed, "x.npy: damaged zip archive (bad CRC");
  const auto with = [&](const char* descr, uint64_t length, const Bytes& p) {
    return encode::zip({{"t.npy", encode::npy("'<i8'", 1, Bytes(8))},
                        {"x.npy", encode::npy("'<i8'", 1, Bytes(8))},
                        {"y.npy", encode::npy("'<i8'", 1, Bytes(8))},
                        {"p.npy", encode::npy(descr, length, p)}},
                       false);
  };
  EXPECT_EQ(encode::read_all(with("'|u1'", 1, {1})).size(), 1u);
  refuse(with("'|u1'", 1, {2}), "p.npy: p = 2 in element 0, expected 0 and 1, or -1 and 1");
  refuse(with("'|u1'", 1, {}), "p.npy: ends before its 1 elements");
  refuse(with("'|u1'", 1, {1, 1}), "p.npy: more than its 1 elements");
  refuse(with("'|S1'", 1, {1}), "p.npy: its elements are not numbers, expected integers");
  Bytes cut = bytes;
  cut.resize(bytes.size() / 2);
  refuse(cut, "damaged zip archive");
}

template <class T>
encode::ZipEntry column(const std::string& name, const std::string& descr, const std::vector<T>& values) {
  Bytes bytes;
  for (const T value : values) put(bytes, value);
  return {name + ".npy", encode::npy("'" + descr + "'", values.size(), bytes)};
}

Bytes archive(std::vector<encode::ZipEntry> entries) { return encode::zip(entries, true); }

// x = 0, 1, 2, ..., y = 7, p = 1, with these times.
Bytes with_times(const encode::ZipEntry& times, size_t n) {
  std::vector<int16_t> x(n), y(n, 7), p(n, 1);
  for (size_t i = 0; i < n; ++i) x[i] = int16_t(i % 100);
  return archive({times, column("x", "<i2", x), column("y", "<i2", y), column("p", "<i2", p)});
}

std::vector<int64_t> times_of(const Bytes& bytes, std::optional<TimeUnit> unit = {}) {
  ReadOptions options;
  options.time_unit = unit;
  std::vector<int64_t> times;
  for (const Event& e : encode::read_all(bytes, options)) times.push_back(e.t);
  return times;
}

TEST(NpzTimes, FractionsNeedTheirUnit) {
  const Bytes seconds = with_times(column<double>("t", "<f8", {0, 0.0003, 0.3}), 3);
  expect_input_error([&] { times_of(seconds); },
                     "t.npy: t = 0.0003 in element 1, expected whole microseconds; name the unit of the times: "
                     "--time-unit s, ms or us");
  EXPECT_EQ(times_of(seconds, TimeUnit::kSeconds), (std::vector<int64_t>{0, 300, 300000}));
  EXPECT_EQ(times_of(seconds, TimeUnit::kMilliseconds), (std::vector<int64_t>{0, 0, 300}));
  const Bytes single = with_times(column<float>("t", "<f4", {0.5F, 1.25F}), 2);
  expect_input_error([&] { times_of(single); }, "t = 0.5 in element 0, expected whole microseconds");
  EXPECT_EQ(times_of(single, TimeUnit::kSeconds), (std::vector<int64_t>{500000, 1250000}));
  // As late in the file as possible.
  std::vector<double> late(9000, 0.0);
  late.back() = 0.25;
  expect_input_error([&] { times_of(with_times(column("t", "<f8", late), 9000)); }, "t = 0.25 in element 8999");
}

TEST(NpzTimes, WholeNumbersAreMicrosecondsUnlessAUnitIsGiven) {
  EXPECT_EQ(times_of(with_times(column<double>("t", "<f8", {-5, 0, 1e15}), 3)),
            (std::vector<int64_t>{-5, 0, 1000000000000000}));
  const Bytes whole = with_times(column<int64_t>("t", "<i8", {-1500, 2500}), 2);
  EXPECT_EQ(times_of(whole), (std::vector<int64_t>{-1500, 2500}));
  EXPECT_EQ(times_of(whole, TimeUnit::kNanoseconds), (std::vector<int64_t>{-2, 2}));
  EXPECT_EQ(times_of(whole, TimeUnit::kMilliseconds), (std::vector<int64_t>{-1500000, 2500000}));
}

TEST(NpzTimes, InvalidTimesAreRefused) {
  const auto refuse = [](const encode::ZipEntry& times, std::optional<TimeUnit> unit, const std::string& why) {
    expect_input_error([&] { times_of(with_times(times, 1), unit); }, why);
  };
  refuse(column<double>("t", "<f8", {std::nan("")}), {}, "t = nan in element 0, expected a whole number");
  refuse(column<double>("t", "<f8", {std::nan("")}), TimeUnit::kSeconds, "t = nan in element 0");
  refuse(column<double>("t", "<f8", {1e300}), {}, "t = 1e+300 in element 0");
  refuse(column<uint64_t>("t", "<u8", {~uint64_t(0)}), {}, "t = 18446744073709551615 in element 0");
  refuse(column<int64_t>("t", "<i8", {int64_t(1) << 60}), TimeUnit::kSeconds, "in element 0, expected a whole number");
}

TEST(NpzPlaces, AreWholeNumbers) {
  const auto at = [](double x) {
    return archive({column<int64_t>("t", "<i8", {1}), column<double>("x", "<f8", {x}), column<float>("y", "<f4", {3}),
                    column<uint8_t>("p", "|b1", {1})});
  };
  EXPECT_EQ(encode::read_all(at(12)), (std::vector<Event>{{.t = 1, .x = 12, .y = 3, .p = 1}}));
  for (const double x : {12.5, -1.0, 65536.0}) {
    expect_input_error([&] { encode::read_all(at(x)); }, "in element 0, expected a whole number from 0 to 65535");
  }
}

template <class T>
std::vector<int> polarities(const std::string& descr, const std::vector<T>& p) {
  const std::vector<int64_t> zeros(p.size());
  const Bytes bytes =
      archive({column("t", "<i8", zeros), column("x", "<i8", zeros), column("y", "<i8", zeros), column("p", descr, p)});
  std::vector<int> read;
  for (const Event& e : encode::read_all(bytes)) read.push_back(e.p);
  return read;
}

TEST(NpzPolarities, MinusOneIsOff) {
  const std::vector<int> want = {1, 0, 0, 1};
  EXPECT_EQ(polarities<int8_t>("|i1", {1, -1, -1, 1}), want);
  EXPECT_EQ(polarities<int64_t>("<i8", {1, -1, -1, 1}), want);
  EXPECT_EQ(polarities<double>("<f8", {1, -1, -1, 1}), want);
  EXPECT_EQ(polarities<int8_t>("|i1", {-1, -1}), (std::vector<int>{0, 0}));
  std::vector<int8_t> late(20000, 1);  // the first batch does not reveal it
  late[9000] = late[19999] = -1;
  const auto read = polarities<int8_t>("|i1", late);
  EXPECT_EQ(std::ranges::count(read, 0), 2);
  EXPECT_EQ(read[9000], 0);
}

TEST(NpzPolarities, MustBeOfOneKind) {
  expect_input_error(
      [] {
        polarities<int8_t>("|i1", {1, 0, -1});
      },
      "p = -1 in element 2, expected 0 and 1, or -1 and 1");
  expect_input_error([] { polarities<int8_t>("|i1", {-1, 0}); }, "p = 0 in element 1");
  std::vector<int8_t> far(9000, 1);
  far[0] = 0, far[8999] = -1;
  expect_input_error([&] { polarities<int8_t>("|i1", far); }, "p = -1 in element 8999");
  expect_input_error([] { polarities<uint8_t>("|u1", {0, 255}); }, "p = 255 in element 1");
  expect_input_error([] { polarities<double>("<f8", {0.5}); }, "p = 0.5 in element 0");
}

const std::vector<Event> kTwo = {{.t = 5, .x = 3, .y = 2, .p = 1}, {.t = 6, .x = 300, .y = 1, .p = 0}};

// Records of kTwo, each followed by the bytes of `other`.
encode::ZipEntry records(const std::string& name, const std::string& descr, const Bytes& other = {}) {
  Bytes bytes;
  for (const Event& e : kTwo) {
    put(bytes, e.t), put(bytes, e.x), put(bytes, e.y), put(bytes, e.p);
    bytes.insert(bytes.end(), other.begin(), other.end());
  }
  return {name + ".npy", encode::npy(descr, 2, bytes)};
}

constexpr const char* kRecord = "[('t', '<i8'), ('x', '<u2'), ('y', '<u2'), ('p', '|b1')]";

TEST(NpzRecords, OtherArraysAreIgnored) {
  const std::vector<encode::ZipEntry> others = {
      {"label.npy", encode::npy("'<i8'", "()", Bytes(8))},
      {"sensor_size.npy", encode::npy("'<i8'", "(3,)", Bytes(24))},
      {"name.npy", encode::npy("'<U5'", "()", Bytes(20))},
      {"object.npy", encode::npy("'|O'", "(1,)", Bytes(30))},
      {"frames.npy", encode::npy("'|u1'", "(2, 3)", Bytes(6))},
      {"t.npy", encode::npy("'<i8'", "(1,)", Bytes(8))},
      {"boxes.npy", encode::npy("[('t', '<i8'), ('x', '<f4'), ('w', '<f4')]", "(1,)", Bytes(16))},
      {"empty.npy", {}},
      {"readme.txt", encode::text("t x y p")}};
  for (const auto& other : others) {
    EXPECT_EQ(encode::read_all(archive({other, records("events", kRecord)})), kTwo) << other.name;
    EXPECT_EQ(encode::read_all(archive({records("events", kRecord), other})), kTwo) << other.name;
  }
  expect_input_error(
      [] {
        encode::read_all(archive({records("a", kRecord), records("b", kRecord)}));
      },
      "a.npy and b.npy both hold records of t, x, y, p");
}

TEST(NpzRecords, TitlesPaddingAndOtherFields) {
  const auto read = [](const std::string& descr, const Bytes& other) {
    return encode::read_all(archive({records("events", descr, other)}));
  };
  EXPECT_EQ(read("[(('microseconds', 't'), '<i8'), (('column', 'x'), '<u2'), ('y', '<u2'), (('x', 'p'), '|b1')]", {}),
            kTwo);
  EXPECT_EQ(read("[('t', '<i8'), ('x', '<u2', (1,)), ('y', '<u2', ()), ('p', '|u1'), ('', '|V3')]", Bytes(3)), kTwo);
  EXPECT_EQ(
      read("[('t', '<i8'), ('x', '<u2'), ('y', '<u2'), ('p', '|b1'), ('box', [('x', '<i2'), ('y', '<i2')], (2,)), "
           "('name', '<U2'), ('when', '<M8[us]')]",
           Bytes(8 + 8 + 8)),
      kTwo);
  EXPECT_EQ(read("[('timestamp', '<i8'), ('x', '<u2'), ('y', '<u2'), ('on', '|b1')]", {}), kTwo);
  expect_input_error([&] { read("[('t', '<i8'), ('x', '<u2'), ('y', '<u2'), ('q', '|b1')]", {}); },
                     "events.npy has no field p");
  expect_input_error([&] { read("[('t', '<M8[us]'), ('x', '<u2'), ('y', '<u2'), ('p', '|b1')]", {}); },
                     "events.npy has no field t");
  expect_input_error([&] { read("[('ts', '<i8'), ('time', '<u2'), ('x', '|u1'), ('y', '|u1'), ('p', '|b1')]", {}); },
                     "more than one array could be t");
  std::string deep = "'<i2'";
  for (int i = 0; i < 30000 / 8; ++i) deep = "[('a'," + deep + ")]";
  expect_input_error([&] { read(deep, {}); }, "events.npy: array");
}

TEST(NpzArrays, CommonNamesAndShapes) {
  const auto t = column<int64_t>("timestamps", "<i8", {5, 6}), x = column<uint16_t>("x", "<u2", {3, 300}),
             y = column<uint16_t>("y", "<u2", {2, 1}), p = column<int8_t>("polarity", "|i1", {1, -1}),
             label = column<int64_t>("label", "<i8", {3});
  EXPECT_EQ(encode::read_all(archive({t, x, y, p, label})), kTwo);
  expect_input_error(
      [&] {
        encode::read_all(archive({t, x, y, p, column<int64_t>("ts", "<i8", {1, 2})}));
      },
      "more than one array could be t");
  expect_input_error([&] { encode::read_all(archive({t, x, p})); }, "expected also y.npy");
  for (const char* shape : {"(2, 1)", "(1, 2)", "(2,)"}) {
    Bytes rows;
    put(rows, uint16_t(2)), put(rows, uint16_t(1));
    EXPECT_EQ(encode::read_all(archive({t, x, {"y.npy", encode::npy("'<u2'", shape, rows)}, p})), kTwo) << shape;
  }
  // Columns without names could be x, y, t, p or t, x, y, p.
  expect_input_error(
      [] {
        encode::read_all(archive({{"events.npy", encode::npy("'<i8'", "(2, 4)", Bytes(64))}}));
      },
      "'shape': (2, 4)");
  const auto nothing = [](const char* name) { return column<int64_t>(name, "<i8", {}); };
  EXPECT_EQ(encode::read_all(archive({nothing("t"), nothing("x"), nothing("y"), nothing("p")})).size(), 0u);
}

TEST(NpzArrays, BombsAreRefused) {
  const auto claims = [](const char* name) {
    return encode::ZipEntry{std::string(name) + ".npy", encode::npy("'<i8'", uint64_t(1) << 30, {})};
  };
  expect_input_error(
      [&] {
        encode::read_all(archive({claims("t"), claims("x"), claims("y"), claims("p")}));
      },
      "an archive bomb, not a recording");
}

}  // namespace
}  // namespace spikemix
