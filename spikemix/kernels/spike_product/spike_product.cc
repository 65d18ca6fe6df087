// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/spike_product.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/spike_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/panel_neurons-inl.h"
#include "spikemix/kernels/spike_product/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// Sums is FloatSums, or BiasedSums for one number of rows.
template <class Sums>
void spike_panel(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t rows,
                 const NeuronState& state) {
  const auto* weights = reinterpret_cast<const typename Sums::Weight*>(w.data.get() + panel.offset);
  const Neurons neurons(typename Sums::DF(), state.lif);
  HWY_ALIGN float own[64];
  PanelNeurons out(w, panel, state);
  const uint16_t* const index = lists.index.get();
  const uint32_t* begin = lists.begin.get();
  for (int64_t r = 0; r < rows; ++r) {
    out.begin_row(r, own);
    for (int64_t t = 0; t < state.T; ++t) {
      Sums sums;
      sums.clear();
      for (int64_t p = 0; p < lists.planes; ++p, ++begin) {
        if (p > 0) sums.twice();
        sums.add(weights, index + begin[0], int64_t(begin[1]) - int64_t(begin[0]));
      }
      sums.each([&](int o, auto y) HWY_ATTR { out.fire(typename Sums::DF(), neurons, o, y); });
      out.end_step(t);
    }
  }
}

// The same without neurons.
template <class Sums>
void spike_panel(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t rows,
                 const Potentials& potentials) {
  const auto* weights = reinterpret_cast<const typename Sums::Weight*>(w.data.get() + panel.offset);
  HWY_ALIGN float part[64];
  PanelPotentials out(w, panel, potentials);
  const uint16_t* const index = lists.index.get();
  const uint32_t* begin = lists.begin.get();
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t t = 0; t < potentials.T; ++t) {
      Sums sums;
      sums.clear();
      for (int64_t p = 0; p < lists.planes; ++p, ++begin) {
        if (p > 0) sums.twice();
        sums.add(weights, index + begin[0], int64_t(begin[1]) - int64_t(begin[0]));
      }
      out.begin(r, t, part);
      sums.each([&](int o, auto y) HWY_ATTR { out.put(typename Sums::DF(), o, y); });
      out.end();
    }
  }
}

#if HWY_TARGET != HWY_SCALAR

// State is NeuronState or Potentials.
template <int kWidth, class State>
void panel_of_width(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t rows,
                    const State& state) {
  switch (w.type) {
    case WeightType::kF32:
      return spike_panel<FloatSums<kWidth>>(w, panel, lists, rows, state);
    case WeightType::kU16:
      if (panel.rows == 4) return spike_panel<BiasedSums<uint16_t, kWidth, 4>>(w, panel, lists, rows, state);
      if (panel.rows == 2) return spike_panel<BiasedSums<uint16_t, kWidth, 2>>(w, panel, lists, rows, state);
      return spike_panel<BiasedSums<uint16_t, kWidth, 1>>(w, panel, lists, rows, state);
    case WeightType::kU8:
      if (panel.rows == 4) return spike_panel<BiasedSums<uint8_t, kWidth, 4>>(w, panel, lists, rows, state);
      if (panel.rows == 2) return spike_panel<BiasedSums<uint8_t, kWidth, 2>>(w, panel, lists, rows, state);
      return spike_panel<BiasedSums<uint8_t, kWidth, 1>>(w, panel, lists, rows, state);
  }
}

template <class State>
void all_panels(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const State& state) {
  for (const WeightPanel& panel : w.panels) {
    switch (panel.width) {
      case 16:
        panel_of_width<16>(w, panel, lists, rows, state);
        break;
      case 32:
        panel_of_width<32>(w, panel, lists, rows, state);
        break;
      default:
        panel_of_width<64>(w, panel, lists, rows, state);
        break;
    }
  }
}
void spike_product(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const NeuronState& state) {
  all_panels(w, lists, rows, state);
}
void spike_potentials(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const Potentials& potentials) {
  all_panels(w, lists, rows, potentials);
}

#else  // without vectors there is nothing to gain

void spike_product(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const NeuronState& state) {
  spike_product_ref(w, lists, rows, state);
}
void spike_potentials(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const Potentials& potentials) {
  spike_potentials_ref(w, lists, rows, potentials);
}

#endif

// The sums of kRows windows of real inputs. Each sum waits for its last term, so at least eight are made at a time. Not
// inlined: the neurons' constants would take their registers.
template <int kWidth>
struct DenseBlock {
  using D = hn::CappedTag<float, 16>;
  static constexpr int kLanes = int(hn::MaxLanes(D())), kVectors = kWidth / kLanes;
  static constexpr int kRows = kVectors < 8 ? 8 / kVectors : 1;

  static HWY_NOINLINE void sums(const float* HWY_RESTRICT weights, const Windows<float>& x,
                                const float* const* HWY_RESTRICT window, float* HWY_RESTRICT y) {
    const D d;
    hn::Vec<D> sum[kRows * kVectors];
    SPIKEMIX_UNROLL for (auto& s : sum) s = hn::Zero(d);
    for (int64_t run = 0; run < x.runs; ++run) {
      const int64_t begin = run * x.run_step;
      for (int64_t i = begin; i < begin + x.run; ++i, weights += kWidth) {
        SPIKEMIX_UNROLL for (int r = 0; r < kRows; ++r) {
          const auto value = hn::Set(d, window[r][i]);
          SPIKEMIX_UNROLL for (int v = 0; v < kVectors; ++v) sum[r * kVectors + v] =
              hn::MulAdd(value, hn::Load(d, weights + v * kLanes), sum[r * kVectors + v]);
        }
      }
    }
    SPIKEMIX_UNROLL for (int i = 0; i < kRows * kVectors; ++i) hn::Store(sum[i], d, y + i * kLanes);
  }
};

template <int kWidth, class State>
void dense_panel(const PackedWeights& w, const WeightPanel& panel, const Windows<float>& x, int64_t first, int64_t rows,
                 const State& state) {
  using Block = DenseBlock<kWidth>;
  const auto* weights = reinterpret_cast<const float*>(w.data.get() + panel.offset);
  HWY_ALIGN float sums[Block::kRows * kWidth], room[64];
  RowsFor<State> out(w, panel, state, room);
  WindowWalk walk(x, first);
  for (int64_t r = 0; r < rows; r += Block::kRows) {
    const int64_t n = std::min<int64_t>(Block::kRows, rows - r);
    const float* window[Block::kRows];
    for (int64_t i = 0; i < Block::kRows; ++i) window[i] = i < n ? walk.next() : window[0];
    Block::sums(weights, x, window, sums);
    if (state.T == 1) {
      out.take(sums, n);
      continue;
    }
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t t = 0; t < state.T; ++t) out.take(sums + i * kWidth, 1);
    }
  }
}

template <class State>
void all_dense_panels(const PackedWeights& w, const Windows<float>& x, int64_t first, int64_t rows,
                      const State& state) {
  for (const WeightPanel& panel : w.panels) {
    switch (panel.width) {
      case 16:
        dense_panel<16>(w, panel, x, first, rows, state);
        break;
      case 32:
        dense_panel<32>(w, panel, x, first, rows, state);
        break;
      default:
        dense_panel<64>(w, panel, x, first, rows, state);
        break;
    }
  }
}
void dense_product(const PackedWeights& w, const Windows<float>& x, int64_t first, int64_t rows,
                   const NeuronState& state) {
  all_dense_panels(w, x, first, rows, state);
}
void dense_potentials(const PackedWeights& w, const Windows<float>& x, int64_t first, int64_t rows,
                      const Potentials& potentials) {
  all_dense_panels(w, x, first, rows, potentials);
}

void neuron_spikes(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                   const NeuronState& state) {
  const hn::CappedTag<float, 16> d;
  const Neurons neurons(d, state.lif);
  for (const WeightPanel& panel : norm.panels) {
    HWY_ALIGN float own[64];
    PanelNeurons out(norm, panel, state);
    if (out.forgets()) {
      out.fire_once(d, neurons, 0, rows, y + panel.first, stride);
      continue;
    }
    for (int64_t r = 0; r < rows; ++r) {
      out.begin_row(r, own);
      for (int64_t t = 0; t < state.T; ++t) {
        const float* row = y + t * step + r * stride + panel.first;
        // Counts are written directly, up to the panel's width: scale and shift are 0 past the last output.
        const int64_t outputs = state.counts ? panel.width : panel.count;
        for (int64_t o = 0; o < outputs; o += int64_t(hn::Lanes(d))) {
          const auto sums = o < panel.count ? hn::LoadU(d, row + o) : hn::Zero(d);
          out.fire(d, neurons, o, sums);
        }
        out.end_step(t);
      }
    }
  }
}

void norm_potentials(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                     const Potentials& potentials) {
  const hn::CappedTag<float, 16> d;
  for (const WeightPanel& panel : norm.panels) {
    HWY_ALIGN float part[64];
    PanelPotentials out(norm, panel, potentials);
    for (int64_t t = 0; t < potentials.T; ++t) {
      for (int64_t r = 0; r < rows; ++r) {
        const float* row = y + t * step + r * stride + panel.first;
        out.begin(r, t, part);
        for (int64_t o = 0; o < panel.count; o += int64_t(hn::Lanes(d))) out.put(d, o, hn::LoadU(d, row + o));
        out.end();
      }
    }
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(spike_product);
HWY_EXPORT(dense_product);
HWY_EXPORT(neuron_spikes);
HWY_EXPORT(spike_potentials);
HWY_EXPORT(dense_potentials);
HWY_EXPORT(norm_potentials);

void spike_product(const PackedWeights& weights, const SpikeLists& lists, int64_t rows, const NeuronState& neurons) {
  HWY_DYNAMIC_DISPATCH(spike_product)(weights, lists, rows, neurons);
}
void dense_product(const PackedWeights& weights, const Windows<float>& x, int64_t first, int64_t rows,
                   const NeuronState& neurons) {
  HWY_DYNAMIC_DISPATCH(dense_product)(weights, x, first, rows, neurons);
}
void neuron_spikes(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                   const NeuronState& neurons) {
  HWY_DYNAMIC_DISPATCH(neuron_spikes)(norm, y, rows, step, stride, neurons);
}
void spike_potentials(const PackedWeights& weights, const SpikeLists& lists, int64_t rows,
                      const Potentials& potentials) {
  HWY_DYNAMIC_DISPATCH(spike_potentials)(weights, lists, rows, potentials);
}
void dense_potentials(const PackedWeights& weights, const Windows<float>& x, int64_t first, int64_t rows,
                      const Potentials& potentials) {
  HWY_DYNAMIC_DISPATCH(dense_potentials)(weights, x, first, rows, potentials);
}
void norm_potentials(const PackedWeights& norm, const float* y, int64_t rows, int64_t step, int64_t stride,
                     const Potentials& potentials) {
  HWY_DYNAMIC_DISPATCH(norm_potentials)(norm, y, rows, step, stride, potentials);
}

}  // namespace spikemix
#endif  // HWY_ONCE
