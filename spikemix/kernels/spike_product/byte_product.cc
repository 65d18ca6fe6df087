// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/byte_product.h"

#include <algorithm>
#include <cstring>
#include <limits>

// The target for machines with VNNI: Ice Lake, Zen 4 and later.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/byte_product.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/panel_neurons-inl.h"
#include "spikemix/kernels/spike_product/sums-inl.h"
#include "spikemix/kernels/spikes/spikes.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2

using Lanes = hn::CappedTag<int32_t, 16>;  // one for each output
using Sum = hn::Vec<Lanes>;
constexpr int kLanes = int(hn::MaxLanes(Lanes()));

#if HWY_TARGET <= HWY_AVX3_DL

// Highway requires VNNI of this target's processors, but does not tell the compiler.
HWY_INLINE Sum add_products(Sum sum, Sum inputs, Sum weights) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(inputs.raw), "v"(weights.raw));
  return sum;
}
HWY_INLINE Sum whole(Sum sum) { return sum; }
constexpr double kDensity = 0.37;

#else

// Each lane has two sums of 16 bits. They may wrap around, but modulo 2^16 they add up to a sum that fits
// (first_overflow()). The products of two inputs always fit (kLargestByte).
HWY_INLINE Sum add_products(Sum sum, Sum inputs, Sum weights) {
  const hn::Repartition<int16_t, Lanes> pairs;
#if HWY_TARGET <= HWY_AVX3
  const hn::Vec<decltype(pairs)> products{_mm512_maddubs_epi16(inputs.raw, weights.raw)};
#else
  const hn::Vec<decltype(pairs)> products{_mm256_maddubs_epi16(inputs.raw, weights.raw)};
#endif
  return hn::BitCast(Lanes(), hn::Add(hn::BitCast(pairs, sum), products));
}
HWY_INLINE Sum whole(Sum sum) { return hn::ShiftRight<16>(hn::Add(sum, hn::ShiftLeft<16>(sum))); }
constexpr double kDensity = HWY_TARGET <= HWY_AVX3 ? 0.42 : 0.85;

#endif

// The sums of kRows windows. Their sums, the weights for them and one group of inputs stay in registers: not inlined,
// where the neurons' constants would take some of these.
template <int kWidth>
struct ByteBlock {
  static constexpr int kVectors = std::min(kWidth / kLanes, 4);
  static constexpr int kRows = HWY_TARGET <= HWY_AVX3 ? (kVectors == 4 ? 6 : 8) : (kVectors == 4 ? 3 : 6);

  static HWY_INLINE void sums(const int8_t* HWY_RESTRICT weights, const Windows<uint8_t>& x,
                              const uint8_t* const* HWY_RESTRICT window, float* HWY_RESTRICT y) {
    for (int o = 0; o < kWidth; o += kVectors * kLanes) part(weights + kByteGroup * o, x, window, y + o);
  }

 private:
  static HWY_NOINLINE void part(const int8_t* HWY_RESTRICT weights, const Windows<uint8_t>& x,
                                const uint8_t* const* HWY_RESTRICT window, float* HWY_RESTRICT y) {
    const Lanes d;
    const hn::Repartition<int8_t, Lanes> d8;
    Sum sum[kRows * kVectors];
    SPIKEMIX_UNROLL for (auto& s : sum) s = hn::Zero(d);
    for (int64_t run = 0; run < x.runs; ++run) {
      const int64_t begin = run * x.run_step;
      for (int64_t i = begin; i < begin + x.run; i += kByteGroup, weights += kByteGroup * kWidth) {
        Sum w[kVectors];
        SPIKEMIX_UNROLL for (int v = 0; v < kVectors; ++v) w[v] =
            hn::BitCast(d, hn::Load(d8, weights + kByteGroup * kLanes * v));
        SPIKEMIX_UNROLL for (int r = 0; r < kRows; ++r) {
          int32_t group;
          std::memcpy(&group, window[r] + i, sizeof group);
          const auto inputs = hn::Set(d, group);
          SPIKEMIX_UNROLL for (int v = 0; v < kVectors; ++v) sum[r * kVectors + v] =
              add_products(sum[r * kVectors + v], inputs, w[v]);
        }
      }
    }
    const hn::RebindToFloat<Lanes> df;
    SPIKEMIX_UNROLL for (int r = 0; r < kRows; ++r) {
      SPIKEMIX_UNROLL for (int v = 0; v < kVectors; ++v)
          hn::Store(hn::ConvertTo(df, whole(sum[r * kVectors + v])), df, y + r * kWidth + v * kLanes);
    }
  }
};

#else

constexpr double kDensity = std::numeric_limits<double>::infinity();

template <int kWidth>
struct ByteBlock {
  static constexpr int kRows = 1;

  static void sums(const int8_t* weights, const Windows<uint8_t>& x, const uint8_t* const* window, float* y) {
    int32_t sum[kWidth] = {};
    for (int64_t run = 0; run < x.runs; ++run) {
      for (int64_t i = 0; i < x.run; ++i) {
        for (int o = 0; o < kWidth; ++o)
          sum[o] += window[0][run * x.run_step + i] * weights[kByteGroup * o + i % kByteGroup];
        if (i % kByteGroup == kByteGroup - 1) weights += kByteGroup * kWidth;
      }
    }
    std::copy_n(sum, kWidth, y);
  }
};

#endif

// State is NeuronState or Potentials.
template <int kWidth, class State>
void byte_panel(const PackedWeights& w, const WeightPanel& panel, const Windows<uint8_t>& x, int64_t step,
                int64_t first, int64_t rows, const State& state) {
  using Block = ByteBlock<kWidth>;
  const int8_t* const weights = w.dense.get() + panel.first * x.runs * x.run;
  HWY_ALIGN float sums[Block::kRows * kWidth], room[64];
  RowsFor<State> out(w, panel, state, room);
  // The steps of a row follow one another, so a block may hold several steps of a row, several rows, or both.
  WindowWalk walk(x, first);
  const uint8_t* at = nullptr;
  int64_t t = 0;
  for (int64_t left = rows * state.T; left > 0; left -= Block::kRows) {
    const int64_t n = std::min<int64_t>(Block::kRows, left);
    const uint8_t* window[Block::kRows];
    for (int64_t i = 0; i < n; ++i) {
      if (t == 0) at = walk.next();
      window[i] = at + t * step;
      if (++t == state.T) t = 0;
    }
    std::fill(window + n, window + Block::kRows, window[0]);
    Block::sums(weights, x, window, sums);
    out.take(sums, n);
  }
}

template <class State>
void all_byte_panels(const PackedWeights& w, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                     const State& state) {
  for (const WeightPanel& panel : w.panels) {
    switch (panel.width) {
      case 16:
        byte_panel<16>(w, panel, x, step, first, rows, state);
        break;
      case 32:
        byte_panel<32>(w, panel, x, step, first, rows, state);
        break;
      default:
        byte_panel<64>(w, panel, x, step, first, rows, state);
        break;
    }
  }
}
void byte_product(const PackedWeights& w, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                  const NeuronState& state) {
  all_byte_panels(w, x, step, first, rows, state);
}
void byte_potentials(const PackedWeights& w, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                     const Potentials& potentials) {
  all_byte_panels(w, x, step, first, rows, potentials);
}

double density() { return kDensity; }  // of lists that very many outputs share

void bytes_of_spikes(int64_t rows, int64_t C, int64_t stride, const uint64_t* bits, uint8_t* bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  constexpr int64_t kN = hn::MaxLanes(hn::CappedTag<uint8_t, 64>());
  for (int64_t r = 0; r < rows; ++r, bytes += stride) {
    for (int64_t c = 0; c < C; c += 64, ++bits) {
      for (int64_t b = 0; b < 64; b += kN) {
        const uint64_t part = *bits >> b;
        const auto mask = hn::LoadMaskBits(d, reinterpret_cast<const uint8_t*>(&part));
        hn::StoreU(hn::IfThenElseZero(mask, hn::Set(d, 1)), d, bytes + c + b);
      }
    }
  }
}

void bytes_of_counts(int64_t rows, int64_t C, int64_t stride, const uint8_t* counts, uint8_t* bytes) {
  const hn::CappedTag<uint8_t, 64> d;
  const int64_t padded = 64 * spike_words(C);
  for (int64_t r = 0; r < rows; ++r, bytes += stride, counts += padded) {
    for (int64_t c = 0; c < padded; c += int64_t(hn::Lanes(d))) hn::StoreU(hn::LoadU(d, counts + c), d, bytes + c);
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(byte_product);
HWY_EXPORT(byte_potentials);
HWY_EXPORT(density);
HWY_EXPORT(bytes_of_spikes);
HWY_EXPORT(bytes_of_counts);

void byte_product(const PackedWeights& weights, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                  const NeuronState& neurons) {
  HWY_DYNAMIC_DISPATCH(byte_product)(weights, x, step, first, rows, neurons);
}
void byte_potentials(const PackedWeights& weights, const Windows<uint8_t>& x, int64_t step, int64_t first, int64_t rows,
                     const Potentials& potentials) {
  HWY_DYNAMIC_DISPATCH(byte_potentials)(weights, x, step, first, rows, potentials);
}
// Fitted to both ways' times with 32 to 1536 outputs and densities from 5 to 60 % (byte_product_bench.cc), and to the
// convolutions of trained models, whose lists take less time to make.
double byte_product_density(int64_t outputs) {
  return HWY_DYNAMIC_DISPATCH(density)() * double(outputs) / double(outputs + 128);
}
void bytes_of_spikes(int64_t rows, int64_t C, int64_t stride, const uint64_t* bits, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(bytes_of_spikes)(rows, C, stride, bits, bytes);
}
void bytes_of_counts(int64_t rows, int64_t C, int64_t stride, const uint8_t* counts, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(bytes_of_counts)(rows, C, stride, counts, bytes);
}

void add_dense_weights(PackedWeights& w, int64_t channels) {
  const int64_t stride = byte_stride(channels), inputs = w.in / channels * stride;
  w.dense = hwy::AllocateAligned<int8_t>(size_t(inputs * (w.panels.back().first + w.panels.back().width)));
  for (const WeightPanel& panel : w.panels) {
    const auto* const biased = reinterpret_cast<const uint8_t*>(w.data.get() + panel.offset);
    int8_t* const dense = w.dense.get() + panel.first * inputs;
    const int64_t half = largest_weight(w.type, panel.rows) + 1;
    for (int64_t i = 0; i < inputs; ++i) {
      const int64_t input = i / stride * channels + i % stride;
      for (int64_t o = 0; o < panel.width; ++o) {
        dense[(i / kByteGroup * panel.width + o) * kByteGroup + i % kByteGroup] =
            i % stride < channels ? int8_t(biased[input * panel.width + panel.biased_position(o)] - half) : int8_t{0};
      }
    }
  }
}

}  // namespace spikemix
#endif  // HWY_ONCE
