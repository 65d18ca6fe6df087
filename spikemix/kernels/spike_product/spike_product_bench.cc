// SPDX-License-Identifier: MIT
// Dense-equivalent GMAC/s of the spike products in the last layer of the published stem: 256 pixels, 4 steps, 3,456
// inputs, 384 outputs. Beside it the additions a second, whose limit is one vector load a cycle.
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/kernels/spike_product/matrix_panel.h"
#include "spikemix/kernels/spike_product/row_blocks.h"
#include "spikemix/kernels/spike_product/spike_product.h"
#include "spikemix/kernels/spike_product/weight_gradient.h"

namespace spikemix {
namespace {

constexpr int64_t kRows = 256, kT = 4, kIn = 3456, kOut = 384, kWords = kIn / 64;

struct Layer {
  std::vector<uint64_t> bits, spikes = std::vector<uint64_t>(size_t(kT * kRows * kOut / 64));
  SpikeLists lists;
  PackedWeights weights;

  Layer(WeightType type, int largest, double rate) : bits(size_t(kT * kRows * kWords)) {
    std::mt19937 rng(1);
    std::bernoulli_distribution spike(rate);
    for (uint64_t& word : bits) {
      for (int b = 0; b < 64; ++b) word |= uint64_t(spike(rng)) << b;
    }
    lists.reserve(kRows * kT, kRows * kT * kIn);
    make_lists();
    std::vector<int16_t> w(size_t(kIn * kOut));
    for (int16_t& v : w) v = int16_t(int(rng() % unsigned(2 * largest + 1)) - largest);
    weights = type == WeightType::kF32 ? pack_weights(kOut, kIn, std::vector<float>(w.begin(), w.end()).data())
                                       : pack_weights(type, kOut, kIn, w.data());
  }
  void make_lists() { lists_of_spikes(kRows, kT, kIn, bits.data(), kRows * kWords, lists); }
  void product() {
    spike_product(
        weights, lists, kRows,
        {.lif = {}, .T = kT, .spikes = spikes.data(), .row_words = kOut / 64, .step_words = kRows * kOut / 64});
  }
};

void count(benchmark::State& state, double density) {
  const double macs = double(kRows * kT * kIn * kOut) * double(state.iterations());
  state.counters["GMAC/s"] = benchmark::Counter(macs / 1e9, benchmark::Counter::kIsRate);
  state.counters["Gadd/s"] = benchmark::Counter(macs * density / 1e9, benchmark::Counter::kIsRate);
}

void product(benchmark::State& state, WeightType type, int largest) {
  Layer layer(type, largest, double(state.range(0)) / 100);
  for (auto _ : state) layer.product();
  count(state, double(layer.lists.spikes) / double(kRows * kT * kIn));
}

void make_lists(benchmark::State& state) {
  Layer layer(WeightType::kU8, 1, double(state.range(0)) / 100);
  for (auto _ : state) layer.make_lists();
  count(state, double(layer.lists.spikes) / double(kRows * kT * kIn));
}

void densities(benchmark::internal::Benchmark* b) {
  b->ArgName("percent")->Arg(5)->Arg(10)->Arg(15)->Arg(25)->Arg(50)->Unit(benchmark::kMillisecond);
}
// dW of a 3x3 convolution, 192 -> 384 channels, on four images of 16x16: the same work as above, with half the inputs.
void gradient(benchmark::State& state, WeightType type) {
  constexpr int64_t kImages = 4, kSide = 16, kC = 192, kPixels = kImages * kSide * kSide;
  std::mt19937 rng(1);
  std::bernoulli_distribution spike(double(state.range(0)) / 100);
  std::vector<uint64_t> bits(size_t(kPixels * kC / 64));
  for (uint64_t& word : bits) {
    for (int b = 0; b < 64; ++b) word |= uint64_t(spike(rng)) << b;
  }
  std::vector<float> dy(size_t(kPixels * kOut)), dw(size_t(9 * kC * kOut));
  for (float& v : dy) v = std::normal_distribution<float>()(rng);
  const RowBlocks plan = conv_blocks(kImages, kSide, kSide);
  const PackedWeights panels = unpacked_weights(type, kOut, plan.blocks[0].rows);
  int64_t spikes = 0;
  for (auto _ : state) {
    spikes = 0;
    for (const RowBlock& block : plan.blocks) {
      SpikeLists lists;
      lists.reserve(kC, kPixels * kC);
      channel_lists_of_spikes(block.inputs, kC, bits.data(), block.unused, lists);
      spikes += lists.spikes;
      for (const WeightPanel& p : panels.panels) {
        float scale[64];
        std::byte* const panel = panels.data.get() + p.offset;
        pack_panel(type, {p.first, p.count, kOut, block.rows}, block.outputs, dy.data(), p.width, panel, scale);
        weight_gradient(type, panel, p.width, scale, lists, 0, kC, plan.offsets, dw.data() + p.first, kOut);
      }
    }
  }
  const double macs = double(kPixels * 9 * kC * kOut) * double(state.iterations());
  state.counters["GMAC/s"] = benchmark::Counter(macs / 1e9, benchmark::Counter::kIsRate);
  state.counters["Gadd/s"] =
      benchmark::Counter(macs * double(spikes) / double(kPixels * kC) / 1e9, benchmark::Counter::kIsRate);
}

BENCHMARK_CAPTURE(product, f32, WeightType::kF32, 100)->Apply(densities);
BENCHMARK_CAPTURE(product, u16, WeightType::kU16, 8191)->Apply(densities);
BENCHMARK_CAPTURE(product, u8_8bit, WeightType::kU8, 127)->Apply(densities);
BENCHMARK_CAPTURE(product, u8_7bit, WeightType::kU8, 63)->Apply(densities);
BENCHMARK_CAPTURE(product, u8_6bit, WeightType::kU8, 31)->Apply(densities);
BENCHMARK_CAPTURE(gradient, f32, WeightType::kF32)->Apply(densities);
BENCHMARK_CAPTURE(gradient, u16, WeightType::kU16)->Apply(densities);
BENCHMARK(make_lists)->Apply(densities);

}  // namespace
}  // namespace spikemix
