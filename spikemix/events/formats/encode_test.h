// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <flatbuffers/flatbuffers.h>
#include <lz4frame.h>
#include <zstd.h>

#include "spikemix/base/rng.h"
#include "spikemix/events/formats/aedat4_tables.h"
#include "spikemix/events/reader.h"

// Encoders of every format, as simple as possible: for the tests, the fuzzing and the benchmarks.
namespace spikemix::encode {

using Bytes = std::vector<uint8_t>;

inline Bytes text(const std::string& s) { return Bytes(s.begin(), s.end()); }

template <class T>
void put(Bytes& bytes, T value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(&bytes[at], &value, sizeof value);
}

inline void put_big_endian(Bytes& bytes, uint32_t value) { put(bytes, __builtin_bswap32(value)); }

/// Events in order of time, some at the same time, `step` us apart on average.
inline std::vector<Event> random_events(size_t n, SensorSize sensor, uint64_t seed = 1, int64_t first_t = 0,
                                        int step = 3) {
  Rng rng(seed, Rng::Purpose::kTest);
  std::vector<Event> events;
  int64_t t = first_t;
  for (size_t i = 0; i < n; ++i) {
    t += int64_t(rng.below(uint64_t(2 * step + 1)));
    events.push_back({.t = t,
                      .x = uint16_t(rng.below(uint64_t(sensor.width))),
                      .y = uint16_t(rng.below(uint64_t(sensor.height))),
                      .p = rng.coin()});
  }
  return events;
}

inline Bytes aedat2(std::span<const Event> events, SensorSize sensor = {128, 128}) {
  const bool dvs128 = sensor.width == 128;
  Bytes bytes =
      text(std::string("#!AER-DAT2.0\r\n# Timestamps tick is 1 us\r\n# AEChip: ") +
           (dvs128 ? "ch.unizh.ini.jaer.chip.retina.DVS128" : "eu.seebetter.ini.chips.davis.Davis346red") + "\r\n");
  for (const Event& e : events) {
    const auto x = uint32_t(sensor.width - 1 - e.x), y = uint32_t(sensor.height - 1 - e.y), p = uint32_t(e.p);
    put_big_endian(bytes, dvs128 ? x << 8 | y << 1 | (1 - p) : y << 22 | x << 12 | p << 11);
    put_big_endian(bytes, uint32_t(e.t));
  }
  return bytes;
}

inline void aedat3_packet(Bytes& bytes, std::span<const Event> events, int16_t type = 1) {
  for (const int16_t v : {type, int16_t(0)}) put(bytes, v);
  const auto n = int32_t(events.size());
  for (const int32_t v : {8, 4, events.empty() ? 0 : int32_t(events[0].t >> 31), n, n, n}) put(bytes, v);
  for (const Event& e : events) {
    put(bytes, uint32_t(e.x << 17 | e.y << 2 | e.p << 1 | 1));
    put(bytes, uint32_t(e.t & 0x7FFFFFFF));
  }
}

inline Bytes aedat3(std::span<const Event> events, const std::string& source = "DVS128") {
  Bytes bytes = text("#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 0: " + source + "\r\n#!END-HEADER\r\n");
  for (; !events.empty(); events = events.subspan(std::min<size_t>(events.size(), 4096))) {
    aedat3_packet(bytes, events.first(std::min<size_t>(events.size(), 4096)));
  }
  return bytes;
}

inline Bytes compress(const Bytes& bytes, aedat4::Compression compression) {
  if (compression == aedat4::kNone) return bytes;
  const bool lz4 = compression == aedat4::kLz4 || compression == aedat4::kLz4High;
  Bytes frame(lz4 ? LZ4F_compressFrameBound(bytes.size(), nullptr) : ZSTD_compressBound(bytes.size()));
  frame.resize(lz4 ? LZ4F_compressFrame(frame.data(), frame.size(), bytes.data(), bytes.size(), nullptr)
                   : ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 3));
  return frame;
}

inline void aedat4_packet(Bytes& bytes, std::span<const Event> events, aedat4::Compression compression,
                          int32_t stream) {
  Bytes elements;
  for (const Event& e : events) {
    put(elements, e.t), put(elements, e.x), put(elements, e.y), put(elements, uint32_t(e.p));
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.StartVector(elements.size() / 8, 8);
  builder.PushBytes(elements.data(), elements.size());
  const flatbuffers::Offset<aedat4::Events> vector(builder.EndVector(events.size()));
  const auto start = builder.StartTable();
  builder.AddOffset(aedat4::field(0), vector);
  builder.FinishSizePrefixed(flatbuffers::Offset<aedat4::EventPacket>(builder.EndTable(start)), "EVTS");
  const Bytes frame =
      compress(Bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()), compression);
  put(bytes, stream), put(bytes, int32_t(frame.size()));
  bytes.insert(bytes.end(), frame.begin(), frame.end());
}

/// The streams are triggers (1) and events (3). Without a table of packets, it looks like the file of a killed
/// recorder.
inline Bytes aedat4_header(SensorSize sensor, aedat4::Compression compression, int64_t table = -1) {
  const auto node = [](int id, const std::string& type, const std::string& info) {
    return fmt::format(
        R"(<node name="{}"><attr key="typeIdentifier" type="string">{}</attr><node name="info">{}</node></node>)", id,
        type, info);
  };
  const std::string size = fmt::format(
      R"(<attr key="sizeX" type="int">{}</attr><attr key="sizeY" type="int">{}</attr>)", sensor.width, sensor.height);
  flatbuffers::FlatBufferBuilder builder;
  const auto info = builder.CreateString(R"(<dv version="2.0"><node name="outInfo">)" + node(1, "TRIG", "") +
                                         node(3, "EVTS", size) + "</node></dv>");
  const auto start = builder.StartTable();
  if (table != -1) builder.AddElement<int64_t>(aedat4::field(1), table, std::numeric_limits<int64_t>::min());
  builder.AddElement<int32_t>(aedat4::field(0), compression, 0);
  builder.AddOffset(aedat4::field(2), info);
  builder.FinishSizePrefixed(flatbuffers::Offset<aedat4::IOHeader>(builder.EndTable(start)), "IOHE");
  Bytes bytes = text(std::string(aedat4::kMagic));
  bytes.insert(bytes.end(), builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  return bytes;
}

inline Bytes aedat4_file(std::span<const Event> events, SensorSize sensor,
                         aedat4::Compression compression = aedat4::kLz4, size_t events_of_packet = 1000) {
  Bytes bytes = aedat4_header(sensor, compression);
  for (; !events.empty(); events = events.subspan(std::min(events.size(), events_of_packet))) {
    aedat4_packet(bytes, events.first(std::min(events.size(), events_of_packet)), compression, 3);
  }
  return bytes;
}

inline Bytes nmnist(std::span<const Event> events) {
  Bytes bytes;
  for (const Event& e : events) {
    for (const int64_t v : {int64_t(e.x), int64_t(e.y), e.p << 7 | (e.t >> 16 & 0x7F), e.t >> 8 & 0xFF, e.t & 0xFF}) {
      bytes.push_back(uint8_t(v));
    }
  }
  return bytes;
}

inline Bytes dat(std::span<const Event> events, SensorSize sensor) {
  Bytes bytes = text(fmt::format("% Data file containing CD events.\n% Version 2\n% Width {}\n% Height {}\n",
                                 sensor.width, sensor.height));
  bytes.insert(bytes.end(), {0x0C, 8});
  for (const Event& e : events) put(bytes, uint32_t(e.t)), put(bytes, uint32_t(e.x | e.y << 14 | e.p << 28));
  return bytes;
}

inline Bytes evt2(std::span<const Event> events, SensorSize sensor) {
  Bytes bytes = text(fmt::format("% evt 2.0\n% format EVT2;height={};width={}\n% end\n", sensor.height, sensor.width));
  int64_t high = -1;
  for (const Event& e : events) {
    if (e.t >> 6 != high) put(bytes, uint32_t(0x8u << 28 | ((high = e.t >> 6) & 0x0FFFFFFF)));
    put(bytes, uint32_t(uint32_t(e.p) << 28 | uint32_t(e.t & 63) << 22 | uint32_t(e.x) << 11 | e.y));
  }
  return bytes;
}

/// Events of the same time, row and polarity that are close together become a vector, as sensors write them.
inline Bytes evt3(std::span<const Event> events, SensorSize sensor) {
  Bytes bytes = text(fmt::format("% evt 3.0\n% geometry {}x{}\n% end\n", sensor.width, sensor.height));
  const auto word = [&](unsigned type, int64_t value) { put(bytes, uint16_t(type << 12 | (value & 0xFFF))); };
  int64_t high = -1, low = -1, y = -1;
  for (size_t i = 0; i < events.size();) {
    const Event& e = events[i];
    if (e.t >> 12 != high) word(0x8, high = e.t >> 12), low = -1;
    if (e.t != low) word(0x6, low = e.t);
    if (e.y != y) word(0x0, y = e.y);
    uint32_t bits = 0;
    size_t n = 0;
    int last = -1;
    while (i + n < events.size()) {
      const Event& next = events[i + n];
      if (next.t != e.t || next.y != e.y || next.p != e.p || next.x >= e.x + 12 || int(next.x) <= last) break;
      bits |= 1u << (next.x - e.x);
      last = next.x;
      ++n;
    }
    if (n == 1) {
      word(0x2, e.x | e.p << 11);
    } else {
      word(0x3, e.x | e.p << 11);
      word(bits < 1 << 8 ? 0x5 : 0x4, bits);
    }
    i += n;
  }
  return bytes;
}

inline Bytes npy(const std::string& descr, const std::string& shape, const Bytes& elements) {
  std::string header = fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': {}, }}\n", descr, shape);
  Bytes bytes = text(std::string("\x93NUMPY\1\0", 8));
  put(bytes, uint16_t(header.size()));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

inline Bytes npy(const std::string& descr, uint64_t length, const Bytes& elements) {
  return npy(descr, fmt::format("({},)", length), elements);
}

struct ZipEntry {
  std::string name;
  Bytes bytes;
};

inline Bytes zip(const std::vector<ZipEntry>& entries, bool deflated) {
  Bytes out(1 << 16);
  for (const ZipEntry& entry : entries) out.resize(out.size() + entry.bytes.size() + 1024);
  archive* a = archive_write_new();
  archive_write_set_format_zip(a);
  deflated ? archive_write_zip_set_compression_deflate(a) : archive_write_zip_set_compression_store(a);
  archive_write_set_bytes_in_last_block(a, 1);
  size_t used = 0;
  archive_write_open_memory(a, out.data(), out.size(), &used);
  for (const ZipEntry& entry : entries) {
    archive_entry* e = archive_entry_new();
    archive_entry_set_pathname(e, entry.name.c_str());
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_size(e, la_int64_t(entry.bytes.size()));
    archive_write_header(a, e);
    archive_write_data(a, entry.bytes.data(), entry.bytes.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  out.resize(used);
  return out;
}

/// As SpikingJelly writes it: int64 throughout.
inline Bytes npz(std::span<const Event> events, bool deflated) {
  std::vector<ZipEntry> entries;
  const auto column = [&](const char* name, auto get) {
    Bytes bytes;
    for (const Event& e : events) put(bytes, int64_t(get(e)));
    entries.push_back({name, npy("'<i8'", events.size(), bytes)});
  };
  column("t.npy", [](const Event& e) { return e.t; });
  column("x.npy", [](const Event& e) { return e.x; });
  column("y.npy", [](const Event& e) { return e.y; });
  column("p.npy", [](const Event& e) { return e.p; });
  return zip(entries, deflated);
}

/// As tonic's users save their arrays of records.
inline Bytes npz_records(std::span<const Event> events) {
  Bytes bytes;
  for (const Event& e : events) put(bytes, e.x), put(bytes, e.y), put(bytes, e.t), put(bytes, e.p);
  return zip({{"events.npy", npy("[('x', '<i2'), ('y', '<i2'), ('t', '<i8'), ('p', '|b1')]", events.size(), bytes)}},
             false);
}

struct Named {
  std::string name;  ///< the format's name in the registry
  SensorSize sensor;
  std::vector<Event> events;
  Bytes bytes;
};

/// One recording of n events of every format and variant.
inline std::vector<Named> every_format(size_t n) {
  const SensorSize dvs{128, 128}, davis{346, 260}, hd{1280, 720}, small{34, 34};
  const auto e128 = random_events(n, dvs), e346 = random_events(n, davis), e720 = random_events(n, hd),
             e34 = random_events(n, small);
  return {{"AEDAT 2.0", dvs, e128, aedat2(e128)},
          {"AEDAT 2.0", davis, e346, aedat2(e346, davis)},
          {"AEDAT 3.1", dvs, e128, aedat3(e128)},
          {"AEDAT 4", davis, e346, aedat4_file(e346, davis, aedat4::kNone)},
          {"AEDAT 4", davis, e346, aedat4_file(e346, davis, aedat4::kLz4)},
          {"AEDAT 4", davis, e346, aedat4_file(e346, davis, aedat4::kZstd)},
          {"N-MNIST bin", small, e34, nmnist(e34)},
          {"Prophesee DAT", hd, e720, dat(e720, hd)},
          {"Prophesee EVT2", hd, e720, evt2(e720, hd)},
          {"Prophesee EVT3", hd, e720, evt3(e720, hd)},
          {"npz", {}, e128, npz(e128, false)},
          {"npz", {}, e128, npz(e128, true)},
          {"npz", {}, e128, npz_records(e128)}};
}

/// All events of a recording in memory.
inline std::vector<Event> read_all(const Recording& recording) {
  std::vector<Event> all;
  for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
    all.insert(all.end(), events.begin(), events.end());
  }
  return all;
}
inline std::vector<Event> read_all(const Bytes& bytes, const ReadOptions& options = {}) {
  return read_all(open_recording(ByteSource::memory("a", bytes), options));
}

}  // namespace spikemix::encode
