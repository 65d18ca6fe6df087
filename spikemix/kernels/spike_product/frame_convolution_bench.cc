// SPDX-License-Identifier: MIT
// The first convolution of event frames at the sizes of the published gesture model: 16 frames of 128 x 128, 2 -> 32
// channels. Its time depends on the pixels with events; at 0 % only the neurons are left. Beside it the dense product,
// whose neighbourhoods are gathered before the clock starts. GMAC/s are dense-equivalent.
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/kernels/spike_product/frame_convolution.h"

namespace spikemix {
namespace {

struct FirstLayer {
  static constexpr int64_t kT = 16, kC = 2, kSide = 128, kOut = 32, kPixels = kSide * kSide, kIn = 9 * kC;

  std::vector<float> values = std::vector<float>(size_t(kT * kC * kPixels));
  Frames frames{values.data(), kT, kC, kSide, kSide};
  std::vector<uint64_t> marks = std::vector<uint64_t>(size_t(kT * kSide * frames.row_words()));
  std::vector<uint64_t> spikes = std::vector<uint64_t>(size_t(kT * kPixels));
  PackedWeights weights;
  NeuronState neurons{.lif = {}, .T = kT, .spikes = spikes.data(), .row_words = 1, .step_words = kPixels};

  explicit FirstLayer(double rate) {
    std::mt19937 rng(1);
    std::bernoulli_distribution seen(rate);
    for (int64_t t = 0; t < kT; ++t) {
      for (int64_t p = 0; p < kPixels; ++p) {
        if (seen(rng)) values[size_t((t * kC + int64_t(rng() % kC)) * kPixels + p)] = float(1 + rng() % 3);
      }
    }
    std::vector<float> w(size_t(kIn * kOut));
    for (float& v : w) v = std::normal_distribution<float>(0, 0.3f)(rng);
    weights = pack_weights(kOut, kIn, w.data());
  }

  void count(benchmark::State& state) const {
    const double macs = double(kT * kPixels * kIn * kOut) * double(state.iterations());
    state.counters["GMAC/s"] = benchmark::Counter(macs / 1e9, benchmark::Counter::kIsRate);
  }
};

void first_layer(benchmark::State& state) {
  FirstLayer layer(double(state.range(0)) / 100);
  for (auto _ : state) {
    mark_pixels(layer.frames, 0, layer.kT * layer.kSide, layer.marks.data());
    frame_convolution(layer.weights, layer.frames, layer.marks.data(), 0, layer.kSide, layer.neurons);
  }
  layer.count(state);
}

void first_layer_dense(benchmark::State& state) {
  FirstLayer layer(0.5);
  const std::vector<float> x(size_t(layer.kT * layer.kPixels * layer.kIn), 0.5f);
  NeuronState neurons = layer.neurons;
  neurons.T = 1;
  for (auto _ : state)
    dense_product(layer.weights, token_windows(x.data(), layer.weights.in, layer.weights.in), 0,
                  layer.kT * layer.kPixels, neurons);
  layer.count(state);
}

BENCHMARK(first_layer)
    ->ArgName("percent")
    ->Arg(0)
    ->Arg(5)
    ->Arg(15)
    ->Arg(30)
    ->Arg(60)
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(first_layer_dense)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spikemix
