// SPDX-License-Identifier: MIT
// The C++ part of bench/events_peers.py:
//   events_worker make FORMAT VARIANT EVENTS FILE [RECORDING]   writes a file, repeating a recording if there is one
//   events_worker stream|keep FILE                              decodes it at each line "step" of standard input
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "spikemix/base/file.h"
#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/summary.h"

namespace spikemix {
namespace {

std::vector<Event> repeated(const std::string& recording, size_t n, SensorSize& sensor) {
  if (recording.empty()) return encode::random_events(n, sensor = {128, 128});
  std::vector<Event> once, all;
  const Recording r = open_recording(recording);
  for (auto e = r.reader->read(); !e.empty(); e = r.reader->read()) once.insert(once.end(), e.begin(), e.end());
  sensor = r.reader->sensor();
  const int64_t first = once.front().t, length = once.back().t - first + 1;
  for (int64_t round = 0; all.size() < n; ++round) {
    for (size_t i = 0; i < once.size() && all.size() < n; ++i) {
      all.push_back(once[i]);
      all.back().t += round * length - first;
    }
  }
  return all;
}

int make(const std::string& format, const std::string& variant, size_t n, const std::string& file,
         const std::string& recording) {
  SensorSize sensor;
  auto events = repeated(recording, n, sensor);
  encode::Bytes bytes;
  if (format == "aedat2") bytes = encode::aedat2(events, {346, 260});
  if (format == "aedat3") bytes = encode::aedat3(events);
  if (format == "aedat4") {
    bytes = encode::aedat4_file(events, sensor, variant == "zstd" ? aedat4::kZstd : aedat4::kLz4);
  }
  if (format == "nmnist") {
    for (Event& e : events) e.x %= 34, e.y %= 34, e.t &= 0x7FFFFF;
    std::ranges::stable_sort(events, {}, &Event::t);  // 23 bits of time hold only a few seconds
    bytes = encode::nmnist(events);
  }
  if (format == "dat") bytes = encode::dat(events, {1280, 720});
  if (format == "evt2") bytes = encode::evt2(events, {1280, 720});
  if (format == "evt3") bytes = encode::evt3(events, {1280, 720});
  if (format == "npz") bytes = encode::npz(events, variant == "deflated");
  write_file_atomically(file, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return 0;
}

int decode(const std::string& file, bool keep) {
  const EventSummary s = summarise(*open_recording(file).reader);
  fmt::print("{{\"events\": {}, \"sums\": [{}, {}, {}, {}]}}\n", s.events, s.sum_x, s.sum_y, s.on,
             s.last_t - s.first_t);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    size_t n = 0;
    const Recording recording = open_recording(file);
    std::vector<Event> all;
    for (auto e = recording.reader->read(); !e.empty(); e = recording.reader->read()) {
      if (keep) all.insert(all.end(), e.begin(), e.end());
      n += e.size();
      asm volatile("" : : "r"(e.data()) : "memory");  // keeps the compiler from dropping them
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{{\"seconds\": {:.9f}, \"events\": {}}}\n", seconds.count(), n);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace spikemix

int main(int argc, char** argv) {
  const std::vector<std::string> a(argv + 1, argv + argc);
  try {
    if (a.size() >= 5 && a[0] == "make")
      return spikemix::make(a[1], a[2], std::stoul(a[3]), a[4], a.size() > 5 ? a[5] : "");
    if (a.size() == 2) return spikemix::decode(a[1], a[0] == "keep");
  } catch (const std::exception& e) {
    fmt::print(stderr, "events_worker: {}\n", e.what());
    return 1;
  }
  fmt::print(stderr, "events_worker: see bench/events_peers.py\n");
  return 2;
}
