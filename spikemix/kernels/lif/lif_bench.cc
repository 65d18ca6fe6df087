// SPDX-License-Identifier: MIT
// Values a second through the neurons' passes in bf16: the work between two products of a training step. For each
// value, forward reads 2 bytes, backward reads 4 and writes 2, and batch norm's backward reads 4 and writes 2.
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/kernels/lif/batch_norm.h"
#include "spikemix/kernels/lif/lif.h"

namespace spikemix {
namespace {

constexpr LifShape kShape = {.T = 4, .M = 16384, .C = 192};
constexpr int64_t kValues = kShape.T * kShape.M * kShape.C;

struct NeuronLayer {
  std::vector<Bfloat16> x, s = std::vector<Bfloat16>(kValues), ds = std::vector<Bfloat16>(kValues),
                           dz = std::vector<Bfloat16>(kValues);
  std::vector<float> scale = std::vector<float>(kShape.C, 1), shift = std::vector<float>(kShape.C, 0), sums = shift,
                     sums_x = shift;
  LifNorm norm{scale.data(), shift.data(), shift.data()};

  NeuronLayer() {
    uint32_t state = 1;
    for (int64_t i = 0; i < kValues; ++i) {
      state = state * 1664525 + 1013904223;
      x.emplace_back(float(state >> 8) / float(1 << 22) - 2);
      ds[size_t(i)] = Bfloat16(float(state & 255) / 256);
    }
  }
};

void rate(benchmark::State& state) {
  state.counters["values/s"] =
      benchmark::Counter(double(kValues) * double(state.iterations()), benchmark::Counter::kIsRate);
}

void lif_forward_pass(benchmark::State& state) {
  NeuronLayer layer;
  for (auto _ : state)
    lif_forward({}, kShape, layer.norm, 0, kShape.M, layer.x.data(), static_cast<const Bfloat16*>(nullptr),
                layer.s.data());
  rate(state);
}

void lif_backward_pass(benchmark::State& state) {
  NeuronLayer layer;
  LifParams lif;
  lif.surrogate = Surrogate(state.range(0));
  for (auto _ : state)
    lif_backward(lif, kShape, layer.norm, 0, kShape.M, layer.x.data(), layer.ds.data(), layer.dz.data(),
                 {layer.sums.data(), layer.sums_x.data()});
  rate(state);
}

void norm_backward_pass(benchmark::State& state) {
  NeuronLayer layer;
  const float* c = layer.shift.data();
  for (auto _ : state)
    batch_norm_backward(kShape.T * kShape.M, kShape.C, layer.x.data(), c, layer.scale.data(), c, c, layer.dz.data(),
                        layer.dz.data());
  rate(state);
}

BENCHMARK(lif_forward_pass);
BENCHMARK(lif_backward_pass)->ArgName("surrogate")->DenseRange(0, 2);
BENCHMARK(norm_backward_pass);

}  // namespace
}  // namespace spikemix
