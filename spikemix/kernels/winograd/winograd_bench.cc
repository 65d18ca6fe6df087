// SPDX-License-Identifier: MIT
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/kernels/winograd/winograd.h"

namespace spikemix {
namespace {

// 64 images of 16x16 in blocks of range(1) tiles, C = range(0); the rate counts x's or y's values.
template <class Map>
void blocks(benchmark::State& state, const Map& map) {
  const WinogradTiles tiles{16, 16};
  const int64_t C = state.range(0), block = state.range(1), all = 64 * tiles.of_image();
  std::vector<Bfloat16> values(size_t(64 * 16 * 16 * C));
  std::vector<float> points(size_t(WinogradTiles::kPoints * block * C), 1);
  for (auto _ : state) {
    for (int64_t begin = 0; begin + block <= all; begin += block)
      map(tiles, C, begin, begin + block, values.data(), points.data());
    benchmark::ClobberMemory();
  }
  state.counters["values"] = benchmark::Counter(double(values.size()), benchmark::Counter::kIsIterationInvariantRate);
}

void winograd_to_points(benchmark::State& state) {
  blocks(state, [](auto... arguments) { winograd_inputs(arguments...); });
}
void winograd_from_points(benchmark::State& state) {
  blocks(state, [](const WinogradTiles& tiles, int64_t C, int64_t begin, int64_t end, Bfloat16* y,
                   const float* points) { winograd_outputs(tiles, C, begin, end, points, y); });
}

BENCHMARK(winograd_to_points)->ArgsProduct({{48, 192}, {64, 65}})->Unit(benchmark::kMillisecond);
BENCHMARK(winograd_from_points)->ArgsProduct({{48, 192}, {64, 65}})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spikemix
