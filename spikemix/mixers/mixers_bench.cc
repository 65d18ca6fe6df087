// SPDX-License-Identifier: MIT
// Every mixer of the registry, forward and adjoint, for one sample of the published model (N 64, D 384), in fp32 on one
// core. `copy` is the time to read and write the sample.

#include <algorithm>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "spikemix/mixers/gated.h"
#include "spikemix/mixers/mixer.h"

namespace {
using namespace spikemix;

const MixerShape kShape{4, 8, 8, 384};

std::vector<float> spikes(int64_t n) {  // one in eight
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = (i * 2654435761u >> 16) % 8 == 0;
  return x;
}

void copy(benchmark::State& state) {
  const std::vector<float> x = spikes(kShape.N() * kShape.D);
  std::vector<float> y(x.size());
  for (auto _ : state) {
    std::copy(x.begin(), x.end(), y.begin());
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * int64_t(2 * x.size() * sizeof(float)));
}
BENCHMARK(copy);

void run(benchmark::State& state, const std::string& text, bool adjoint) {
  const MixerSpec spec = parse_mixer_spec(text);
  const auto mixer = spec.entry->make(kShape, spec.options);
  const std::vector<float> x = spikes(kShape.N() * kShape.D * (mixer->mixes_time() ? kShape.T : 1));
  std::vector<float> y(x.size()), scratch(size_t(mixer->scratch_size()));
  for (auto _ : state) {
    for (int64_t k = 0; k < std::max<int64_t>(1, mixer->coefficients()); ++k) {
      if (adjoint) {
        mixer->adjoint(k, x.data(), y.data(), scratch.data());
      } else {
        mixer->forward(k, x.data(), y.data(), scratch.data());
      }
      benchmark::ClobberMemory();
    }
  }
  const double steps = double(mixer->mixes_time() ? kShape.T : 1);
  const OpCount ops = mixer->ops();
  state.counters["flop/s"] =
      benchmark::Counter(steps * (ops.additions + ops.multiplications), benchmark::Counter::kIsIterationInvariantRate);
}

// A gated transform with its initial gates; backward: gradients of x and of the gates.
void run_gated(benchmark::State& state, const std::string& text, bool backward) {
  const auto gated = make_gated(kShape, parse_mixer_spec(text).options);
  const std::vector<float> x = spikes(kShape.N() * kShape.D), gate(size_t(gated->gate_size()), 1.0f);
  std::vector<float> y(x.size()), packed(size_t(gated->packed_size())), sums(packed.size());
  std::vector<float> scratch(size_t(gated->scratch_size()));
  gated->pack(gate.data(), packed.data());
  for (auto _ : state) {
    for (int64_t panel = 0; panel < gated->panels(); ++panel) {
      if (backward)
        gated->backward(panel, 1, packed.data(), x.data(), x.data(), y.data(), sums.data(), scratch.data());
      else
        gated->forward(panel, 1, packed.data(), x.data(), y.data(), scratch.data());
    }
    benchmark::ClobberMemory();
  }
  if (backward) return;
  const OpCount ops = gated->ops();
  state.counters["flop/s"] =
      benchmark::Counter(ops.additions + ops.multiplications, benchmark::Counter::kIsIterationInvariantRate);
}

const bool registered = [] {
  std::vector<std::string> specs;
  for (const MixerEntry& entry : mixers()) {
    // 384 is not a power of two: hadamard mixes its tokens, as it does by default.
    if (entry.make) specs.push_back(entry.name);
  }
  for (const char* spec : {"wt1d:wavelet=db4", "wt2d:wavelet=db4", "fft1d:axes=height,width", "fft1d:axes=time"}) {
    specs.push_back(spec);
  }
  for (const std::string& spec : specs) {
    for (const bool adjoint : {false, true}) {
      benchmark::RegisterBenchmark((spec + (adjoint ? " adjoint" : "")).c_str(), [=](benchmark::State& state) {
        run(state, spec, adjoint);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  for (const char* transform : {"fft2d", "hartley", "dct", "hadamard", "wt2d"}) {
    const std::string spec = std::string("gated:transform=") + transform;
    for (const bool backward : {false, true}) {
      benchmark::RegisterBenchmark((spec + (backward ? " backward" : "")).c_str(), [=](benchmark::State& state) {
        run_gated(state, spec, backward);
      })->Unit(benchmark::kMicrosecond);
    }
  }
  return true;
}();

}  // namespace
