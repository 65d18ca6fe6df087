// SPDX-License-Identifier: MIT
#include <benchmark/benchmark.h>

#include "spikemix/events/formats/encode_test.h"
#include "spikemix/events/frames.h"

// Events a second of every reader, from memory (the cost of the reader itself), and of framing. For comparisons with
// other readers see bench/events_peers.py.
namespace spikemix {
namespace {

constexpr size_t kEvents = 1 << 20;

void decode(benchmark::State& state, const encode::Named& file) {
  for (auto _ : state) {
    const Recording recording = open_recording(ByteSource::memory("a", file.bytes));
    for (auto events = recording.reader->read(); !events.empty(); events = recording.reader->read()) {
      benchmark::DoNotOptimize(events.data());
    }
  }
  state.SetItemsProcessed(state.iterations() * int64_t(file.events.size()));
  state.SetBytesProcessed(state.iterations() * int64_t(file.bytes.size()));
}

void frames(benchmark::State& state) {
  const SensorSize sensor{128, 128};
  const auto events = encode::random_events(kEvents, sensor);
  FrameOptions options;
  options.split = state.range(0) ? FrameOptions::Split::kTime : FrameOptions::Split::kNumber;
  options.binary = state.range(1);
  options.height = options.width = state.range(2);
  for (auto _ : state) benchmark::DoNotOptimize(integrate(events, sensor, options).counts.data());
  state.SetItemsProcessed(state.iterations() * int64_t(kEvents));
}

BENCHMARK(frames)->ArgNames({"by_time", "binary", "size"})->ArgsProduct({{0, 1}, {0, 1}, {128, 64}});

const bool kRegistered = [] {
  static const std::vector<encode::Named> files = encode::every_format(kEvents);
  const char* const variants[] = {"dvs128", "davis346", "", "none",   "lz4",      "zstd",   "",
                                  "",       "",         "", "stored", "deflated", "records"};
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string name = "decode/" + files[i].name + " " + variants[i];
    benchmark::RegisterBenchmark(name.c_str(), [i](benchmark::State& state) { decode(state, files[i]); });
  }
  return true;
}();

}  // namespace
}  // namespace spikemix
