// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/frame_convolution.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/frame_convolution.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/panel_neurons-inl.h"
#include "spikemix/kernels/spike_product/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

void mark_pixels(const Frames& frames, int64_t begin, int64_t end, uint64_t* marks) {
  const hn::CappedTag<float, 64> d;
  const auto lanes = int64_t(hn::Lanes(d));
  const int64_t plane = frames.height * frames.width, words = frames.row_words();
  for (int64_t row = begin; row < end; ++row) {
    uint64_t* const to = marks + row * words;
    std::fill_n(to, words, uint64_t{0});
    for (int64_t c = 0; c < frames.C; ++c) {
      const int64_t t = row / frames.height, y = row % frames.height;
      const float* from = frames.values + (t * frames.C + c) * plane + y * frames.width;
      int64_t x = 0;
      for (; x + lanes <= frames.width; x += lanes)
        to[x / 64] |= bits_of(d, hn::Ne(hn::LoadU(d, from + x), hn::Zero(d))) << (x % 64);
      for (; x < frames.width; ++x) to[x / 64] |= uint64_t(from[x] != 0) << (x % 64);
    }
  }
}

// Pixels of an image row whose sums and potentials stay in the first-level cache: those of one word of marks.
constexpr int64_t kStrip = 64;

// The sums of a strip at one step, followed by the potentials. Each side has sums for two more pixels, which absorb
// what the strip adds to pixels outside it: nobody reads them.
template <int kWidth>
struct Strip {
  HWY_ALIGN float sums[(kStrip + 4) * kWidth];
  HWY_ALIGN float potentials[kStrip * kWidth];

  HWY_INLINE float* sums_of(int64_t pixel) { return sums + (pixel + 2) * kWidth; }
};

// Adds a pixel's C values, `plane` apart, to the pixels to its right, at it, and to its left, with the weights of their
// neighbours in row ky. -1 <= pixel <= kStrip
template <int kWidth>
HWY_INLINE void add_pixel(int64_t pixel, const float* HWY_RESTRICT values, int64_t plane, int64_t C,
                          const float* HWY_RESTRICT weights_of_row, Strip<kWidth>& strip) {
  using Sums = FloatSums<kWidth>;
  const typename Sums::D d;
  SPIKEMIX_UNROLL for (int kx = 2; kx >= 0; --kx) {
    float* HWY_RESTRICT const sums = strip.sums_of(pixel + 1 - kx);
    const float* w = weights_of_row + kx * C * kWidth;
    hn::Vec<typename Sums::D> sum[Sums::kVectors];
    SPIKEMIX_UNROLL for (int v = 0; v < Sums::kVectors; ++v) sum[v] = hn::Load(d, sums + v * Sums::kLanes);
    for (int64_t c = 0; c < C; ++c, w += kWidth) {
      const auto value = hn::Set(d, values[c * plane]);
      SPIKEMIX_UNROLL for (int v = 0; v < Sums::kVectors; ++v) sum[v] =
          hn::MulAdd(value, hn::Load(d, w + v * Sums::kLanes), sum[v]);
    }
    SPIKEMIX_UNROLL for (int v = 0; v < Sums::kVectors; ++v) hn::Store(sum[v], d, sums + v * Sums::kLanes);
  }
}

// Adds the marked pixels of row y, including one on each side of the strip, as neighbours in row ky.
template <int kWidth>
void add_row(const float* weights, const Frames& frames, const uint64_t* marks, int64_t t, int64_t y, int64_t x0,
             int64_t ky, Strip<kWidth>& strip) {
  const int64_t W = frames.width, plane = frames.height * W;
  const uint64_t* const words = marks + (t * frames.height + y) * frames.row_words() + x0 / 64;
  const float* const values = frames.values + t * frames.C * plane + y * W + x0;
  const float* const weights_of_row = weights + 3 * ky * frames.C * kWidth;
  const auto add = [&](int64_t i)
                       HWY_ATTR { add_pixel<kWidth>(i, values + i, plane, frames.C, weights_of_row, strip); };
  if (x0 > 0 && words[-1] >> 63) add(-1);
  for (uint64_t word = words[0]; word; word &= word - 1) add(std::countr_zero(word));
  if (x0 + kStrip < W && words[1] & 1) add(kStrip);
}

// The sums of a strip at one step.
template <int kWidth>
HWY_INLINE void add_rows_around(const float* weights, const Frames& frames, const uint64_t* marks, int64_t t, int64_t y,
                                int64_t x0, Strip<kWidth>& strip) {
  for (int64_t ky = y == 0 ? 1 : 0; ky < 3 && y + ky <= frames.height; ++ky)
    add_row<kWidth>(weights, frames, marks, t, y + ky - 1, x0, ky, strip);
}

template <int kWidth>
void frame_panel(const PackedWeights& w, const WeightPanel& panel, const Frames& frames, const uint64_t* marks,
                 int64_t begin, int64_t end, const NeuronState& state) {
  using Sums = FloatSums<kWidth>;
  const typename Sums::D d;
  const auto* weights = reinterpret_cast<const float*>(w.data.get() + panel.offset);
  const Neurons neurons(d, state.lif);
  PanelNeurons out(w, panel, state);
  Strip<kWidth> strip;
  for (int64_t y = begin; y < end; ++y) {
    for (int64_t x0 = 0; x0 < frames.width; x0 += kStrip) {
      const int64_t first = y * frames.width + x0, pixels = std::min(kStrip, frames.width - x0);
      std::fill_n(strip.sums, std::size(strip.sums), 0.0f);
      for (int64_t i = 0; i < pixels; ++i) out.rest(strip.potentials + i * kWidth);
      // All pixels of a step, then the next step: within one pixel, each step depends on the one before.
      for (int64_t t = 0; t < state.T; ++t) {
        add_rows_around<kWidth>(weights, frames, marks, t, y, x0, strip);
        for (int64_t i = 0; i < pixels; ++i) {
          float* const kept = out.kept_potentials(first + i);
          out.continue_row(first + i, kept ? kept : strip.potentials + i * kWidth, t);
          float* const sums = strip.sums_of(i);
          SPIKEMIX_UNROLL for (int v = 0; v < Sums::kVectors; ++v) {
            out.fire(d, neurons, v * Sums::kLanes, hn::Load(d, sums + v * Sums::kLanes));
            hn::Store(hn::Zero(d), d, sums + v * Sums::kLanes);
          }
          out.end_step(t);
        }
      }
    }
  }
}

template <int kWidth>
void frame_panel(const PackedWeights& w, const WeightPanel& panel, const Frames& frames, const uint64_t* marks,
                 int64_t begin, int64_t end, const Potentials& potentials) {
  using Sums = FloatSums<kWidth>;
  const typename Sums::D d;
  const auto* weights = reinterpret_cast<const float*>(w.data.get() + panel.offset);
  HWY_ALIGN float part[64];
  PanelPotentials out(w, panel, potentials);
  Strip<kWidth> strip;
  for (int64_t y = begin; y < end; ++y) {
    for (int64_t x0 = 0; x0 < frames.width; x0 += kStrip) {
      const int64_t first = y * frames.width + x0, pixels = std::min(kStrip, frames.width - x0);
      for (int64_t t = 0; t < potentials.T; ++t) {
        std::fill_n(strip.sums, std::size(strip.sums), 0.0f);
        add_rows_around<kWidth>(weights, frames, marks, t, y, x0, strip);
        for (int64_t i = 0; i < pixels; ++i) {
          out.begin(first + i, t, part);
          const float* const sums = strip.sums_of(i);
          SPIKEMIX_UNROLL for (int v = 0; v < Sums::kVectors; ++v)
              out.put(d, v * Sums::kLanes, hn::Load(d, sums + v * Sums::kLanes));
          out.end();
        }
      }
    }
  }
}

// State is NeuronState or Potentials.
template <class State>
void all_frame_panels(const PackedWeights& w, const Frames& frames, const uint64_t* marks, int64_t begin, int64_t end,
                      const State& state) {
  for (const WeightPanel& panel : w.panels) {
    switch (panel.width) {
      case 16:
        frame_panel<16>(w, panel, frames, marks, begin, end, state);
        break;
      case 32:
        frame_panel<32>(w, panel, frames, marks, begin, end, state);
        break;
      default:
        frame_panel<64>(w, panel, frames, marks, begin, end, state);
        break;
    }
  }
}
void frame_convolution(const PackedWeights& w, const Frames& frames, const uint64_t* marks, int64_t begin, int64_t end,
                       const NeuronState& state) {
  all_frame_panels(w, frames, marks, begin, end, state);
}
void frame_potentials(const PackedWeights& w, const Frames& frames, const uint64_t* marks, int64_t begin, int64_t end,
                      const Potentials& potentials) {
  all_frame_panels(w, frames, marks, begin, end, potentials);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(mark_pixels);
HWY_EXPORT(frame_convolution);
HWY_EXPORT(frame_potentials);

void mark_pixels(const Frames& frames, int64_t begin, int64_t end, uint64_t* marks) {
  HWY_DYNAMIC_DISPATCH(mark_pixels)(frames, begin, end, marks);
}
void frame_convolution(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                       int64_t end, const NeuronState& neurons) {
  HWY_DYNAMIC_DISPATCH(frame_convolution)(weights, frames, marks, begin, end, neurons);
}
void frame_potentials(const PackedWeights& weights, const Frames& frames, const uint64_t* marks, int64_t begin,
                      int64_t end, const Potentials& potentials) {
  HWY_DYNAMIC_DISPATCH(frame_potentials)(weights, frames, marks, begin, end, potentials);
}

}  // namespace spikemix
#endif  // HWY_ONCE
