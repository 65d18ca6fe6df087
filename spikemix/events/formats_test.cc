#include "spikemix/data/files_test.h"
#include "spikemix/events/encode_test.h"
#include "spikemix/events/readers.h"

// What each format has for itself.
namespace spikemix {
namespace {

using encode::put;
using encode::text;

std::vector<Event> at_times(std::initializer_list<int64_t> times) {
  std::vector<Event> events;
  for (const int64_t t : times) events.push_back({.t = t, .x = uint16_t(events.size()), .y = 7, .p = 1});
  return events;
}

TEST(Aedat2, ClockBeginsAnewAfter71Minutes) {
  const int64_t period = int64_t(1) << 32;
  const auto events = at_times({period - 5, period - 1, period + 3, 2 * period - 1, 2 * period + 1});
  EXPECT_EQ(encode::read_all(encode::aedat2(events)), events);
}

TEST(Aedat2, LeavesOutWhatIsNoPixel) {
  const SensorSize davis{346, 260};
  const auto events = encode::random_events(20, davis);
  Bytes bytes = encode::aedat2(events, davis);
  encode::put_big_endian(bytes, 0x80000000), encode::put_big_endian(bytes, 0);           // a sample of a frame
  encode::put_big_endian(bytes, 1 << 22 | 0x400), encode::put_big_endian(bytes, 99999);  // an external signal
  EXPECT_EQ(encode::read_all(bytes), events);
  Bytes dvs = encode::aedat2(at_times({1, 2}));
  encode::put_big_endian(dvs, 0x8000), encode::put_big_endian(dvs, 1);  // a sync signal, whose time does not matter
  EXPECT_EQ(encode::read_all(dvs), at_times({1, 2}));
}

TEST(Aedat2, HeaderMayBeLongAndDataMayBeginWithItsMark) {
  std::string header = "#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n";
  while (header.size() < 200000) header += "#<entry key=\"Preference\" value=\"of jAER\"/>\r\n";
  // y = 179 - 141: the address of this event begins with 0x23, which is '#'.
  const std::vector<Event> events = {{.t = 10, .x = 3, .y = 179 - 141, .p = 1}};
  Bytes bytes = text(header);
  encode::put_big_endian(bytes, 141u << 22 | (239 - 3) << 12 | 1 << 11), encode::put_big_endian(bytes, 10);
  ASSERT_EQ(bytes[header.size()], '#');
  EXPECT_EQ(encode::read_all(bytes), events);
}

TEST(Aedat2, NamesAChipThatItDoesNotKnow) {
  const Bytes bytes = text("#!AER-DAT2.0\r\n# AEChip: some.Cochlea64\r\n");
  expect_input_error([&] { encode::read_all(bytes); }, "a, byte 24: chip 'some.Cochlea64', expected DVS128");
}

TEST(Aedat3, LeavesOutOtherPacketsAndInvalidEvents) {
  const auto events = encode::random_events(30, {128, 128});
  Bytes bytes = text("#!AER-DAT3.1\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n");
  encode::aedat3_packet(bytes, events, /*type=*/0);
  encode::aedat3_packet(bytes, {});
  encode::aedat3_packet(bytes, events);
  encode::aedat3_packet(bytes, events, /*type=*/3);
  EXPECT_EQ(encode::read_all(bytes), events);
  // The first event of the third packet is marked as not valid: its time and place do not matter then.
  const size_t first = 47 + 28 + 30 * 8 + 28 + 28;
  bytes[first] &= 0xFE, bytes[first + 3] = 0xFF;
  EXPECT_EQ(encode::read_all(bytes), std::vector<Event>(events.begin() + 1, events.end()));
}

TEST(Aedat3, PacketsCountTheOverflowsOfTheTime) {
  const int64_t period = int64_t(1) << 31;
  Bytes bytes = encode::aedat3(at_times({5, period - 1}));
  const auto later = at_times({3 * period + 1});
  encode::aedat3_packet(bytes, later);
  EXPECT_EQ(encode::read_all(bytes).back().t, 3 * period + 1);
}

TEST(Aedat3, KnowsTheSensorByItsName) {
  const auto sensor = [](const std::string& name) {
    const Bytes bytes = encode::aedat3({}, name);
    return open_recording(ByteSource::memory("a", bytes)).reader->sensor();
  };
  EXPECT_EQ(sensor("DVS128"), (SensorSize{128, 128}));
  EXPECT_EQ(sensor("DAVIS346Red"), (SensorSize{346, 260}));
  EXPECT_EQ(sensor("DAVIS240C"), (SensorSize{240, 180}));
  EXPECT_EQ(sensor("spikemix 34x30"), (SensorSize{34, 30}));
  EXPECT_EQ(sensor("something"), SensorSize());
}

TEST(Aedat4, ReadsOneStreamOfEvents) {
  const SensorSize sensor{64, 48};
  const auto events = encode::random_events(500, sensor);
  for (const auto compression : {aedat4::kNone, aedat4::kLz4, aedat4::kLz4High, aedat4::kZstd, aedat4::kZstdHigh}) {
    Bytes bytes = encode::aedat4_header(sensor, compression);
    put(bytes, int32_t(1)), put(bytes, int32_t(3)), bytes.insert(bytes.end(), {1, 2, 3});  // triggers: never looked at
    encode::aedat4_packet(bytes, std::span(events).first(100), compression, 3);
    encode::aedat4_packet(bytes, {}, compression, 3);
    encode::aedat4_packet(bytes, std::span(events).subspan(100), compression, 3);
    EXPECT_EQ(encode::read_all(bytes), events) << compression;
  }
}

TEST(Aedat4, RefusesWhatIsDamaged) {
  const SensorSize sensor{64, 48};
  auto events = encode::random_events(10, sensor);
  events[4].p = 2;
  expect_input_error([&] { encode::read_all(encode::aedat4_file(events, sensor)); }, "polarity 2, expected 0 or 1");
  Bytes huge = encode::aedat4_header(sensor, aedat4::kLz4);
  const size_t at = huge.size();
  put(huge, int32_t(3)), put(huge, int32_t(2000000000));
  expect_input_error([&] { encode::read_all(huge); }, fmt::format("byte {}: packet claims 2000000000 bytes", at + 4));
  Bytes nothing = encode::aedat4_header(sensor, aedat4::kNone);
  put(nothing, int32_t(3)), put(nothing, int32_t(16)), nothing.resize(nothing.size() + 16);
  expect_input_error([&] { encode::read_all(nothing); }, "expected a flatbuffer 'EVTS'");
  // A few kilobytes that become gigabytes.
  Bytes bomb = encode::aedat4_header(sensor, aedat4::kZstd);
  const Bytes frame = encode::compress(Bytes(300 << 20), aedat4::kZstd);
  put(bomb, int32_t(3)), put(bomb, int32_t(frame.size())), bomb.insert(bomb.end(), frame.begin(), frame.end());
  expect_input_error([&] { encode::read_all(bomb); }, "holds more than 268435456 bytes");
}

TEST(NMnist, Row240AddsToTheTime) {
  Bytes bytes = encode::nmnist(at_times({10, 8000}));
  const Bytes more =
      encode::nmnist(std::vector<Event>{{.t = 0, .x = 0, .y = 240, .p = 0}, {.t = 5, .x = 2, .y = 7, .p = 1}});
  bytes.insert(bytes.end(), more.begin(), more.end());
  EXPECT_EQ(encode::read_all(bytes), at_times({10, 8000, 5 + 8192}));
}

TEST(NMnist, LargerSensorsNeedTheirSize) {
  const auto events = encode::random_events(100, {240, 180});
  expect_input_error([&] { encode::read_all(encode::nmnist(events)); }, "expected x below 34 and y below 34");
  const ReadOptions options{.truncated = false, .unordered = false, .sensor = {240, 180}};
  EXPECT_EQ(encode::read_all(encode::nmnist(events), options), events);
}

TEST(Dat, HeaderAndClock) {
  const int64_t period = int64_t(1) << 32;
  const auto events = at_times({1, period - 1, period + 2});
  Bytes bytes = encode::dat(events, {640, 480});
  EXPECT_EQ(encode::read_all(bytes), events);
  const auto refuse = [](const std::string& header, Bytes rest, const std::string& why) {
    const Bytes all = text(header) + rest;
    expect_input_error([&] { encode::read_all(all); }, why);
  };
  refuse("% Version 1\n", {0, 8}, "DAT version 1, expected 2");
  refuse("% Version 2\n", {0x0E, 8}, "byte 12: events of type 0x0e");
  refuse("% Version 2\n", {0x0C, 16}, "byte 13: events of 16 bytes, expected 8");
  refuse("% Version 2\n", {0x0C}, "byte 12: the file ends");
}

TEST(Evt2, TimeHighAndItsNewBeginning) {
  const int64_t period = int64_t(1) << 34;
  const auto events = at_times({63, 64, period - 1, period, period + 1000});
  EXPECT_EQ(encode::read_all(encode::evt2(events, {640, 480})), events);
  Bytes bytes = text("% evt 2.0\n");
  put(bytes, uint32_t(1u << 28 | 5u << 11 | 6));  // before any time: left out
  put(bytes, uint32_t(0x8u << 28 | 2));           // 128 us
  put(bytes, uint32_t(0xAu << 28 | 1));           // a trigger
  put(bytes, uint32_t(1u << 28 | 3u << 22 | 5u << 11 | 6));
  EXPECT_EQ(encode::read_all(bytes), (std::vector<Event>{{.t = 131, .x = 5, .y = 6, .p = 1}}));
  put(bytes, uint32_t(0x5u << 28));
  expect_input_error([&] { encode::read_all(bytes); }, "byte 26: word 0x50000000, expected one of EVT2");
}

TEST(Evt3, Vectors) {
  Bytes bytes = text("% format EVT3;height=720;width=1280\n% end\n");
  const auto word = [&](unsigned w) { put(bytes, uint16_t(w)); };
  word(0x2005);          // an event before any time: left out
  word(0x8001);          // high: 4096 us
  word(0x6002);          // low: 2
  word(0x0009);          // y = 9
  word(0x3800 | 100);    // vector from x = 100, on
  word(0x4000 | 0x801);  // its first and twelfth pixel
  word(0x5000 | 0x03);   // from x = 112: two pixels
  word(0x8001);          // the time's high part, repeated
  word(0x2000 | 7);      // one event at x = 7, off
  word(0xA001);          // a trigger
  const auto event = [](uint16_t x, uint8_t p) { return Event{.t = 4098, .x = x, .y = 9, .p = p}; };
  EXPECT_EQ(encode::read_all(bytes),
            (std::vector<Event>{event(100, 1), event(111, 1), event(112, 1), event(113, 1), event(7, 0)}));
  EXPECT_EQ(open_recording(ByteSource::memory("a", bytes)).reader->sensor(), (SensorSize{1280, 720}));
  word(0x1000);
  expect_input_error([&] { encode::read_all(bytes); }, "word 0x1000, expected one of EVT3");
}

TEST(Evt3, ClockBeginsAnewAfter16Seconds) {
  const int64_t period = int64_t(1) << 24;
  const auto events = at_times({0, period - 1, period + 5, 2 * period - 3, 2 * period});
  EXPECT_EQ(encode::read_all(encode::evt3(events, {1280, 720})), events);
}

TEST(Evt, OtherEncodingsAreNamed) {
  expect_input_error([] { encode::read_all(text("% evt 2.1\n% end\n    ")); }, "begins with '% evt 2.1'");
}

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

TEST(Npz, RefusesWhatIsDamaged) {
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
  refuse(with("'|u1'", 1, {2}), "p.npy: p = 2 in element 0, out of range");
  refuse(with("'|u1'", 1, {}), "p.npy: ends before its 1 elements");
  refuse(with("'|u1'", 1, {1, 1}), "p.npy: more than its 1 elements");
  refuse(with("'|S1'", 1, {1}), "p.npy: array {'descr': '|S1'");
  Bytes cut = bytes;
  cut.resize(bytes.size() / 2);
  refuse(cut, "damaged zip archive");
}

}  // namespace
}  // namespace spikemix
