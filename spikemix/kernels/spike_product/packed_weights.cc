// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/packed_weights.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace spikemix {
namespace {

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Covers the outputs with panels of 64, and the rest with narrower ones.
template <class Rows>
std::vector<WeightPanel> make_panels(int64_t out, int64_t in, int64_t weight_size, const Rows& rows_of) {
  std::vector<WeightPanel> panels;
  int64_t offset = 0;
  for (int64_t first = 0; first < out;) {
    const int64_t left = round_up(out - first, 16);
    const int64_t width = left >= 64 ? 64 : int64_t(std::bit_floor(uint64_t(left)));
    const int64_t count = std::min(width, out - first);
    panels.push_back({first, count, width, rows_of(first, count), offset});
    offset += round_up((in + 1) * width * weight_size, 64);
    first += count;
  }
  return panels;
}

PackedWeights allocate(WeightType type, int64_t out, int64_t in, std::vector<WeightPanel> panels, int64_t weight_size) {
  PackedWeights packed;
  packed.type = type, packed.in = in, packed.out = out;
  const int64_t bytes = panels.back().offset + round_up((in + 1) * panels.back().width * weight_size, 64);
  packed.panels = std::move(panels);
  packed.data = hwy::AllocateAligned<std::byte>(size_t(bytes));
  std::memset(packed.data.get(), 0, size_t(bytes));
  packed.scale.assign(size_t(round_up(out, 64)), 0);
  packed.shift.assign(size_t(round_up(out, 64)), 0);
  std::fill_n(packed.scale.begin(), out, 1.0f);
  return packed;
}

template <class Biased>
void fill(PackedWeights& packed, const int16_t* weights) {
  for (const WeightPanel& panel : packed.panels) {
    auto* data = reinterpret_cast<Biased*>(packed.data.get() + panel.offset);
    const int64_t half = largest_weight(packed.type, panel.rows) + 1;
    for (int64_t i = 0; i <= packed.in; ++i) {  // the last row is zero
      for (int64_t o = 0; o < panel.width; ++o) {
        const int64_t w = o < panel.count && i < packed.in ? weights[(panel.first + o) * packed.in + i] : 0;
        data[i * panel.width + panel.biased_position(o)] = Biased(w + half);
      }
    }
  }
}

}  // namespace

PackedWeights pack_weights(int64_t out, int64_t in, const float* weights) {
  PackedWeights packed =
      allocate(WeightType::kF32, out, in, make_panels(out, in, 4, [](int64_t, int64_t) { return int64_t{1}; }), 4);
  for (const WeightPanel& panel : packed.panels) {
    auto* data = reinterpret_cast<float*>(packed.data.get() + panel.offset);
    for (int64_t i = 0; i < in; ++i) {
      for (int64_t o = 0; o < panel.count; ++o) data[i * panel.width + o] = weights[(panel.first + o) * in + i];
    }
  }
  return packed;
}

PackedWeights pack_weights(WeightType type, int64_t out, int64_t in, const int16_t* weights) {
  const auto rows_of = [&](int64_t first, int64_t count) {
    int largest = 0;
    for (int64_t i = first * in; i < (first + count) * in; ++i) largest = std::max(largest, std::abs(int(weights[i])));
    for (int64_t rows = 4; rows > 1; rows /= 2) {
      if (largest <= largest_weight(type, rows)) return rows;
    }
    return int64_t{1};
  };
  const int64_t size = type == WeightType::kU8 ? 1 : 2;
  PackedWeights packed = allocate(type, out, in, make_panels(out, in, size, rows_of), size);
  if (type == WeightType::kU8)
    fill<uint8_t>(packed, weights);
  else
    fill<uint16_t>(packed, weights);
  return packed;
}

PackedWeights unpacked_weights(WeightType type, int64_t out, int64_t in) {
  const int64_t size = type == WeightType::kF32 ? 4 : 2, rows = type == WeightType::kF32 ? 1 : 4;
  return allocate(type, out, in, make_panels(out, in, size, [&](int64_t, int64_t) { return rows; }), size);
}

PackedWeights identity_norm(int64_t out) { return pack_weights(out, 0, static_cast<const float*>(nullptr)); }

int64_t first_overflow(int64_t out, int64_t in, const int16_t* weights, int64_t smallest, int64_t largest) {
  for (int64_t o = 0; o < out; ++o) {
    int64_t positive = 0, negative = 0;
    for (int64_t i = o * in; i < (o + 1) * in; ++i) (weights[i] > 0 ? positive : negative) += weights[i];
    if (positive * largest + negative * smallest > INT16_MAX || negative * largest + positive * smallest < INT16_MIN)
      return o;
  }
  return -1;
}

}  // namespace spikemix
