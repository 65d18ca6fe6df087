// SPDX-License-Identifier: MIT
#include "spikemix/data/files_test.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/formats/readers.h"

// The peculiarities of each format.
namespace spikemix {
namespace {

using encode::put;
using encode::text;

std::vector<Event> at_times(std::initializer_list<int64_t> times) {
  std::vector<Event> events;
  for (const int64_t t : times) events.push_back({.t = t, .x = uint16_t(events.size()), .y = 7, .p = 1});
  return events;
}

TEST(Aedat2, ClockRestartsAfter71Minutes) {
  const int64_t period = int64_t(1) << 32;
  const auto events = at_times({period - 5, period - 1, period + 3, 2 * period - 1, 2 * period + 1});
  EXPECT_EQ(encode::read_all(encode::aedat2(events)), events);
}

TEST(Aedat2, LeavesOutRecordsThatAreNotPixels) {
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

// As many writers leave it out: CIFAR10-DVS, v2e.
Bytes without_chip(Bytes bytes) {
  const std::string line = "# AEChip";
  const auto first = std::ranges::search(bytes, line).begin();
  bytes.erase(first, std::find(first, bytes.end(), uint8_t('\n')) + 1);
  return bytes;
}

TEST(Aedat2, WithoutAChipItsAddressesIdentifyIt) {
  const SensorSize davis{346, 260};
  const auto wide = encode::random_events(300, davis), small = encode::random_events(300, {128, 128});
  const auto sensor = [](const Bytes& bytes) {
    return open_recording(ByteSource::memory("a", bytes)).reader->sensor();
  };
  EXPECT_EQ(encode::read_all(without_chip(encode::aedat2(wide, davis))), wide);
  EXPECT_EQ(sensor(without_chip(encode::aedat2(wide, davis))), davis);
  EXPECT_EQ(encode::read_all(without_chip(encode::aedat2(small))), small);
  EXPECT_EQ(sensor(without_chip(encode::aedat2(small))), (SensorSize{128, 128}));
  EXPECT_EQ(sensor(without_chip(encode::aedat2({}))), (SensorSize{128, 128}));  // CIFAR10-DVS has such files

  Bytes frame = text("#!AER-DAT2.0\r\n");  // only samples of a DAVIS' frame
  for (int i = 0; i < 100; ++i) encode::put_big_endian(frame, 0x80000000), encode::put_big_endian(frame, 1);
  expect_input_error([&] { sensor(frame); }, "no line '# AEChip:'");

  // An address or two that no pixel has do not make it another camera.
  Bytes odd = without_chip(encode::aedat2(small));
  encode::put_big_endian(odd, 200u << 22 | 300u << 12), encode::put_big_endian(odd, 99999);
  EXPECT_EQ(sensor(odd), (SensorSize{128, 128}));
}

TEST(Aedat2, WithoutAChipAsksForTheSizeIfTheAddressesDoNotTell) {
  const auto part = encode::random_events(300, {240, 180});  // from a DAVIS240, or from part of a DAVIS346
  for (const SensorSize sensor : {SensorSize{240, 180}, SensorSize{346, 260}}) {
    Bytes bytes = encode::aedat2(part, sensor);
    if (sensor.width == 346) {  // the 240 x 180 pixels in its corner
      bytes = encode::aedat2({}, sensor);
      for (const Event& e : part) {
        encode::put_big_endian(bytes, uint32_t(179 - e.y) << 22 | uint32_t(239 - e.x) << 12 | uint32_t(e.p) << 11);
        encode::put_big_endian(bytes, uint32_t(e.t));
      }
    }
    expect_input_error([&] { encode::read_all(without_chip(bytes)); }, "give --size 128x128 (DVS128), 240x180");
  }
  const Bytes bytes = without_chip(encode::aedat2(part, {240, 180}));
  const auto read_as = [&](SensorSize sensor) {
    return encode::read_all(bytes, {.truncated = false, .unordered = false, .sensor = sensor});
  };
  EXPECT_EQ(read_as({240, 180}), part);
  EXPECT_EQ(read_as({346, 260})[0].x, part[0].x + 346 - 240);
  expect_input_error([&] { read_as({100, 100}); }, "a sensor of 100 x 100 pixels, expected 128x128 (DVS128)");

  const auto large = encode::random_events(300, {640, 480});
  Bytes dvs640 = text("#!AER-DAT2.0\r\n");
  for (const Event& e : large) {
    encode::put_big_endian(dvs640, uint32_t(479 - e.y) << 11 | uint32_t(639 - e.x) << 1 | e.p);
    encode::put_big_endian(dvs640, uint32_t(e.t));
  }
  EXPECT_EQ(encode::read_all(dvs640, {.truncated = false, .unordered = false, .sensor = {640, 480}}), large);
  expect_input_error([&] { encode::read_all(dvs640); }, "no line '# AEChip:' says which camera this is");
}

TEST(Aedat3, LeavesOutOtherPacketsAndInvalidEvents) {
  const auto events = encode::random_events(30, {128, 128});
  Bytes bytes = text("#!AER-DAT3.1\r\n#Source 0: DVS128\r\n#!END-HEADER\r\n");
  encode::aedat3_packet(bytes, events, /*type=*/0);
  encode::aedat3_packet(bytes, {});
  encode::aedat3_packet(bytes, events);
  encode::aedat3_packet(bytes, events, /*type=*/3);
  EXPECT_EQ(encode::read_all(bytes), events);
  // The first event of the third packet is marked as invalid: its time and place do not matter then.
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
    put(bytes, int32_t(1)), put(bytes, int32_t(3)), bytes.insert(bytes.end(), {1, 2, 3});  // triggers: never read
    encode::aedat4_packet(bytes, std::span(events).first(100), compression, 3);
    encode::aedat4_packet(bytes, {}, compression, 3);
    encode::aedat4_packet(bytes, std::span(events).subspan(100), compression, 3);
    EXPECT_EQ(encode::read_all(bytes), events) << compression;
  }
}

TEST(Aedat4, RefusesDamagedFiles) {
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
  // A few kilobytes that decompress to gigabytes.
  Bytes bomb = encode::aedat4_header(sensor, aedat4::kZstd);
  const Bytes frame = encode::compress(Bytes(300 << 20), aedat4::kZstd);
  put(bomb, int32_t(3)), put(bomb, int32_t(frame.size())), bomb.insert(bomb.end(), frame.begin(), frame.end());
  expect_input_error([&] { encode::read_all(bomb); }, "holds more than 268435456 bytes");
}

TEST(Aedat4, TheTableOfPacketsMayBeMissing) {
  const SensorSize sensor{64, 48};
  const auto events = encode::random_events(500, sensor);
  Bytes packets;
  for (size_t i = 0; i < 5; ++i)
    encode::aedat4_packet(packets, std::span(events).subspan(i * 100, 100), aedat4::kLz4, 3);
  const auto header = [&](int64_t table) { return encode::aedat4_header(sensor, aedat4::kLz4, table); };
  const auto file = [&](int64_t table, const Bytes& behind) { return header(table) + packets + behind; };
  const auto first = int64_t(header(0).size()), end = first + int64_t(packets.size());
  Bytes table(40);
  std::memcpy(&table[8], "FTAB", 4);
  for (const Bytes& behind :
       {Bytes(), table, encode::compress(table, aedat4::kLz4), encode::compress(table, aedat4::kZstd)}) {
    for (const int64_t place : {int64_t(-1), int64_t(0), int64_t(20), first, end}) {
      EXPECT_EQ(encode::read_all(file(place, behind)), events) << place << " " << behind.size();
    }
  }
  // A place that hides packets, or that is past the end of the file.
  const auto refuse = [&](int64_t place, const std::string& why) {
    expect_input_error([&] { encode::read_all(file(place, table)); }, why);
  };
  Bytes one;
  encode::aedat4_packet(one, std::span(events).first(100), aedat4::kLz4, 3);
  refuse(first + int64_t(one.size()), "a packet, where the header places the table");
  refuse(first + int64_t(one.size()) + 7, "the header places the table of packets at byte");
  expect_input_error(
      [&] { encode::read_all(file(end + 1000, {})); },
      fmt::format("byte {}: the file ends, expected a packet or the table of packets at byte {}", end, end + 1000));
  EXPECT_EQ(encode::read_all(file(end + 1000, {}), {.truncated = true, .unordered = false, .sensor = {}}), events);
}

TEST(Aedat4, BombsAreRefused) {
  // Each packet is within its own limit; all together are not a recording.
  const SensorSize sensor{64, 48};
  Bytes packet;
  encode::aedat4_packet(packet, std::vector<Event>(4 << 20), aedat4::kZstd, 3);
  Bytes bytes = encode::aedat4_header(sensor, aedat4::kZstd);
  for (int i = 0; i < 20; ++i) bytes.insert(bytes.end(), packet.begin(), packet.end());
  EXPECT_LT(bytes.size(), size_t(1) << 20);
  int64_t n = 0;
  const Recording recording = open_recording(ByteSource::memory("a", bytes));
  expect_input_error(
      [&] {
        for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read())
          n += int64_t(events.size());
      },
      "an archive bomb, not a recording");
  EXPECT_LE(n, int64_t(17) * (4 << 20));
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

TEST(Dat, WithoutAVersionItsAddressesMustFitVersion2) {
  const auto events = encode::random_events(50, {304, 240});
  const std::string line = "% Version 2\n";
  Bytes bytes = encode::dat(events, {304, 240});
  const auto at = std::ranges::search(bytes, line).begin();
  bytes.erase(at, at + std::ptrdiff_t(line.size()));
  EXPECT_EQ(encode::read_all(bytes), events);
  Bytes first_version = text("% Data file containing TD events.\n") + Bytes{0x00, 8};
  for (const Event& e : events)
    put(first_version, uint32_t(e.t)), put(first_version, uint32_t(e.x | e.y << 9 | e.p << 17));
  expect_input_error([&] { encode::read_all(first_version); }, "no line '% Version', and addresses of 18 bits");
}

TEST(Dat, PolaritiesAreZeroAndOne) {
  Bytes bytes = encode::dat(at_times({1}), {640, 480});
  put(bytes, uint32_t(2)), put(bytes, uint32_t(15u << 28 | 7u << 14 | 3));  // -1 in four bits
  expect_input_error([&] { encode::read_all(bytes); }, "polarity 15, expected 0 or 1");
}

TEST(Evt2, ReservedWordsAreSkipped) {
  const auto events = encode::random_events(300, {640, 480});
  Bytes bytes = text("% evt 2.0\n% end\n");
  const Bytes plain = encode::evt2(events, {640, 480});
  const size_t header = size_t(std::ranges::search(plain, std::string("% end\n")).end() - plain.begin());
  for (size_t at = header; at < plain.size(); at += 4) {
    for (const uint32_t type : {2u, 3u, 4u, 5u, 6u, 7u, 9u, 0xAu, 0xBu, 0xCu, 0xDu, 0xEu, 0xFu}) {
      put(bytes, uint32_t(type << 28 | (at * type & 0xFFFFFFF)));
    }
    bytes.insert(bytes.end(), &plain[at], &plain[at] + 4);
  }
  EXPECT_EQ(encode::read_all(bytes), events);
}

TEST(Evt3, ReservedWordsAreSkipped) {
  const auto events = encode::random_events(300, {640, 480});
  Bytes bytes = text("% evt 3.0\n% end\n");
  const Bytes plain = encode::evt3(events, {640, 480});
  const size_t header = size_t(std::ranges::search(plain, std::string("% end\n")).end() - plain.begin());
  for (size_t at = header; at < plain.size(); at += 2) {
    for (const unsigned type : {1u, 7u, 9u, 0xAu, 0xBu, 0xCu, 0xDu, 0xEu, 0xFu}) {
      put(bytes, uint16_t(type << 12 | (at * type & 0xFFF)));
    }
    bytes.insert(bytes.end(), &plain[at], &plain[at] + 2);
  }
  put(bytes, uint16_t(0x9999));
  EXPECT_EQ(encode::read_all(bytes), events);
}

TEST(Evt2, TimeHighAndItsRestart) {
  const int64_t period = int64_t(1) << 34;
  const auto events = at_times({63, 64, period - 1, period, period + 1000});
  EXPECT_EQ(encode::read_all(encode::evt2(events, {640, 480})), events);
  Bytes bytes = text("% evt 2.0\n");
  put(bytes, uint32_t(1u << 28 | 5u << 11 | 6));  // before any time: left out
  put(bytes, uint32_t(0x8u << 28 | 2));           // 128 us
  put(bytes, uint32_t(0xAu << 28 | 1));           // a trigger
  put(bytes, uint32_t(1u << 28 | 3u << 22 | 5u << 11 | 6));
  EXPECT_EQ(encode::read_all(bytes), (std::vector<Event>{{.t = 131, .x = 5, .y = 6, .p = 1}}));
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
}

TEST(Evt3, ClockRestartsAfter16Seconds) {
  const int64_t period = int64_t(1) << 24;
  const auto events = at_times({0, period - 1, period + 5, 2 * period - 3, 2 * period});
  EXPECT_EQ(encode::read_all(encode::evt3(events, {1280, 720})), events);
}

TEST(Evt, SensorOfTheHeader) {
  const auto sensor = [](const std::string& lines, ReadOptions options = {}) {
    const Bytes bytes = text("% evt 3.0\n" + lines + "% end\n");
    return open_recording(ByteSource::memory("a", bytes), options).reader->sensor();
  };
  EXPECT_EQ(sensor(""), SensorSize{});
  EXPECT_EQ(sensor("% geometry 640x480\n% geometry 640 x 480\n"), (SensorSize{640, 480}));
  for (const char* wrong : {"0x0", "-1x9", "99999999999x9", "640", "640x480x3"}) {
    const std::string line = std::string("% geometry ") + wrong + "\n";
    expect_input_error([&] { sensor(line); }, std::string("a: its header gives the sensor ") + wrong);
    ReadOptions named;
    named.sensor = {8, 6};
    EXPECT_EQ(sensor(line, named), (SensorSize{8, 6}));
  }
  expect_input_error([&] { sensor("% geometry 640x480\n% geometry 1280x720\n"); },
                     "its header gives the sensors 640x480 and 1280x720");
}

TEST(Recording, OfGitLfsIsNamed) {
  expect_input_error([] { encode::read_all(text("version https://git-lfs.github.com/spec/v1\nsize 5\n")); },
                     "is a Git LFS pointer");
}

TEST(Evt, OtherEncodingsAreNamed) {
  expect_input_error([] { encode::read_all(text("% evt 2.1\n% end\n    ")); }, "begins with '% evt 2.1'");
}

}  // namespace
}  // namespace spikemix
