// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstring>

#include "spikemix/kernels/spike_product/spike_product.h"

namespace spikemix {
namespace {

// The weight of an input and an output, from wherever the panel stores it.
double weight_at(const PackedWeights& w, const WeightPanel& panel, int64_t input, int64_t o) {
  const int64_t half_width = panel.width / 2, position = input * panel.width + o % half_width * 2 + o / half_width;
  const std::byte* data = w.data.get() + panel.offset;
  const double half = double(largest_weight(w.type, panel.rows) + 1);
  switch (w.type) {
    case WeightType::kF32:
      return reinterpret_cast<const float*>(data)[input * panel.width + o];
    case WeightType::kU16:
      return reinterpret_cast<const uint16_t*>(data)[position] - half;
    case WeightType::kU8:
      return reinterpret_cast<const uint8_t*>(data)[position] - half;
  }
  return 0;
}

// The sum of one output over a list.
float sum_of(const PackedWeights& w, const WeightPanel& panel, const SpikeLists& lists, int64_t i, int64_t o) {
  float y = 0;
  for (int64_t plane = 0; plane < lists.planes; ++plane) {
    const uint32_t* list = lists.begin.get() + i * lists.planes + plane;
    y += y;
    for (uint32_t j = list[0]; j < list[1]; ++j) y += float(weight_at(w, panel, lists.index[j], o));
  }
  return y;
}

}  // namespace

void spike_potentials_ref(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const Potentials& out) {
  for (const WeightPanel& panel : w.panels) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t t = 0; t < out.T; ++t) {
        for (int64_t o = 0; o < panel.count; ++o) {
          const int64_t output = panel.first + o, at = r * out.stride + output;
          const float z = w.scale[size_t(output)] * sum_of(w, panel, lists, r * out.T + t, o) + w.shift[size_t(output)];
          out.values[t * out.step + at] = out.added_to ? out.added_to[t * out.added_step + at] + z : z;
        }
      }
    }
  }
}

void spike_product_ref(const PackedWeights& w, const SpikeLists& lists, int64_t rows, const NeuronState& state) {
  const LifParams& p = state.lif;
  for (const WeightPanel& panel : w.panels) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < panel.count; ++o) {
        const int64_t output = panel.first + o;
        float* kept = state.potentials ? state.potentials + r * state.potentials_stride + output : nullptr;
        float v = kept ? *kept : p.v_reset;
        for (int64_t t = 0; t < state.T; ++t) {
          const float y = sum_of(w, panel, lists, r * state.T + t, o);
          const float z = w.scale[size_t(output)] * y + w.shift[size_t(output)];
          const float h = v + p.k * (z - p.leak * (v - p.v_reset));
          if (state.counts) {
            uint8_t* const row = state.counts + 64 * (t * state.step_words + r * state.row_words);
            if (output + 1 == w.out) std::fill(row + w.out, row + 64 * state.row_words, uint8_t{0});
            if (p.is_signed()) {
              row[output] = uint8_t(h <= p.v_negative ? -1 : h >= p.v_threshold);
              v = row[output] == 0 ? h : p.v_reset;
            } else {
              row[output] = uint8_t(std::floor(std::clamp(h, 0.0f, float(p.levels)) + 0.5f));
              v = h - float(row[output]);
            }
            continue;
          }
          const bool fired = h >= p.v_threshold;
          v = !fired ? h : p.hard_reset ? p.v_reset : h - p.v_threshold;
          uint64_t& word = state.spikes[t * state.step_words + r * state.row_words + output / 64];
          if (output % 64 == 0) word = 0;
          word |= uint64_t(fired) << (output % 64);
        }
        if (kept) *kept = v;
      }
    }
  }
}

}  // namespace spikemix
