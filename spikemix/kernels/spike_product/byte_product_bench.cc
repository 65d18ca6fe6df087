// SPDX-License-Identifier: MIT
// From which density on are bytes faster than lists? Counts of integer neurons, 64 tokens, int8: microseconds of making
// the lists and adding their rows, and of the same product of bytes.
#include <algorithm>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/kernels/spike_product/byte_product.h"

namespace spikemix {
namespace {

constexpr int64_t kByteTokens = 64, kCountPlanes = 3;

struct CountLayer {
  int64_t in, words;
  std::vector<uint8_t> counts, out;
  SpikeLists lists;
  PackedWeights weights;

  CountLayer(int64_t inputs, int64_t outputs, double density)
      : in(inputs),
        words((outputs + 63) / 64),
        counts(size_t(kByteTokens * in)),
        out(size_t(64 * kByteTokens * words)) {
    std::mt19937 rng(1);
    // A count of 3 has two ones, the others have one: 1.15 on average.
    std::discrete_distribution<int> count({0, 0.5, 0.2, 0.15, 0.15});
    std::bernoulli_distribution fires(density / 1.15);
    for (uint8_t& c : counts) c = fires(rng) ? uint8_t(count(rng)) : uint8_t{0};
    std::vector<int16_t> w(size_t(in * outputs));
    for (int16_t& v : w) v = int16_t(int(rng() % 127) - 63);
    weights = pack_weights(WeightType::kU8, outputs, in, w.data());
    add_dense_weights(weights, in);
    lists.reserve(kByteTokens * kCountPlanes, kByteTokens * kCountPlanes * in);
  }
  NeuronState neurons() {
    return {.lif = {.k = 1, .leak = 0, .v_threshold = 0, .hard_reset = false, .levels = 4},
            .row_words = words,
            .step_words = kByteTokens * words,
            .counts = out.data()};
  }
};

void as_lists(benchmark::State& state) {
  CountLayer layer(state.range(0), state.range(1), double(state.range(2)) / 100);
  for (auto _ : state) {
    lists_of_counts(kByteTokens, 1, layer.in, layer.counts.data(), 0, kCountPlanes, layer.lists);
    spike_product(layer.weights, layer.lists, kByteTokens, layer.neurons());
  }
  state.counters["density"] = double(layer.lists.spikes) / double(kByteTokens * layer.in);
}

void as_bytes(benchmark::State& state) {
  CountLayer layer(state.range(0), state.range(1), 0.3);
  const Windows<uint8_t> tokens = token_windows<uint8_t>(layer.counts.data(), layer.in, layer.in);
  for (auto _ : state) byte_product(layer.weights, tokens, 0, 0, kByteTokens, layer.neurons());
  state.counters["density"] = byte_product_density(layer.weights.out);
}

constexpr int64_t kByteLayers[][2] = {{128, 32}, {256, 64}, {1152, 128}, {128, 256}, {1536, 384}, {384, 1536}};

void each_layer(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out"})->Unit(benchmark::kMicrosecond);
  for (const auto& [in, out] : kByteLayers) b->Args({in, out});
}
void each_density(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out", "percent"})->Unit(benchmark::kMicrosecond);
  for (const auto& [in, out] : kByteLayers) {
    for (const int64_t percent : {5, 10, 20, 30, 40, 60}) b->Args({in, out, percent});
  }
}

BENCHMARK(as_bytes)->Apply(each_layer);
BENCHMARK(as_lists)->Apply(each_density);

}  // namespace
}  // namespace spikemix
