// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <hwy/aligned_allocator.h>

namespace spikemix {

/// The type of weights and of their sums.
enum class WeightType {
  kF32,  ///< float; float sums
  kU16,  ///< biased 14 bits, four rows to an addition; int32 sums
  kU8,   ///< biased 8, 7 or 6 bits, 1, 2 or 4 rows to an addition; int16 sums
};

/// Outputs [first, first + count) of a map, as [in + 1][width] weights: one row to add for each input that spiked, and
/// one row of zeros, which pads lists.
struct WeightPanel {
  int64_t first, count;
  int64_t width;   // 16, 32 or 64: count, rounded up. Wider ones were no faster, and a panel's spikes are one word
  int64_t rows;    // rows that add up within one biased weight: 1, 2 or 4; 1 for kF32
  int64_t offset;  // bytes into PackedWeights::data

  /// Where output first + o stands in a row of biased weights (see PackedWeights).
  int64_t biased_position(int64_t o) const { return o % (width / 2) * 2 + o / (width / 2); }
};

/// The weights of a linear map in panels, in the order in which the kernels read them. Sums y = W s become z = scale y
/// + shift before the neurons: this includes batch norm, the bias and an integer weight's unit.
///
/// Biased weights: w + half is stored, with half = 2^(bits - 1) of the width that leaves room for `rows` of them. After
/// adding them, one `and` and one shift split them into sums of twice the width, so nothing is ever widened. The
/// contribution of half is subtracted once, at the end. A panel's even positions hold the first half of its outputs,
/// the odd ones the second.
struct PackedWeights {
  WeightType type = WeightType::kF32;
  int64_t in = 0, out = 0;
  std::vector<WeightPanel> panels;
  hwy::AlignedFreeUniquePtr<std::byte[]> data;
  std::vector<float> scale, shift;  // [out, rounded up to 64]: scale and shift are zero past the end
  /// kU8 weights once more, not biased, for byte_product(); null unless add_dense_weights() made them. A panel's
  /// weights follow those of the panels before it: [inputs / 4][width][4].
  hwy::AlignedFreeUniquePtr<int8_t[]> dense;
};

/// Largest magnitude of integer weights if `rows` of them share one addition.
constexpr int64_t largest_weight(WeightType type, int64_t rows) {
  return (type == WeightType::kU8 ? 128 : 32768) / rows - 1;
}

/// @param weights  [out, in], row-major
PackedWeights pack_weights(int64_t out, int64_t in, const float* weights);
/// Integer weights as U8 (each panel as narrow as its values allow) or U16.
/// @param type   kU8: |w| <= 127; kU16: |w| <= 8191
PackedWeights pack_weights(WeightType type, int64_t out, int64_t in, const int16_t* weights);

/// Room for weights that are packed again at every training step (pack_panel() fills each panel): kF32, or kU16 with
/// four rows to an addition.
PackedWeights unpacked_weights(WeightType type, int64_t out, int64_t in);

/// No map, for neuron_spikes() and norm_potentials(): `out` channels with scale 1 and shift 0.
PackedWeights identity_norm(int64_t out);

/// Proves that kU8 sums fit int16: they are exact modulo 2^16, so they are right if the true sum fits. Computes the
/// largest and smallest sums that inputs from `smallest` (0 or less) to `largest` can make.
/// @returns the first output whose sums may overflow int16, or -1
int64_t first_overflow(int64_t out, int64_t in, const int16_t* weights, int64_t smallest, int64_t largest);

}  // namespace spikemix
