#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <hwy/aligned_allocator.h>

namespace spikemix {

/// How a weight is held, and what its sums are made in.
enum class WeightType {
  kF32,  ///< float; float sums
  kU16,  ///< biased 14 bits, four rows to an addition; int32 sums
  kU8,   ///< biased 8, 7 or 6 bits, 1, 2 or 4 rows to an addition; int16 sums
};

/// Outputs [first, first + count) of a map, as [in + 1][width] weights: one row to add for each input that spiked, and
/// one of zeros, which fills up lists.
struct WeightPanel {
  int64_t first, count;
  int64_t width;   // 16, 32 or 64: count, rounded up. Wider ones were no faster, and a panel's spikes are one word
  int64_t rows;    // rows that add up inside one biased weight: 1, 2 or 4; 1 for kF32
  int64_t offset;  // bytes into PackedWeights::data
};

/// The weights of a linear map in panels, in the order in which the kernels read them. Sums y = W s become
/// z = scale y + shift in front of the neurons: batch norm, the bias and an integer weight's unit are all in there.
///
/// Biased weights: w + half is held, with half = 2^(bits - 1) of the width that leaves room for `rows` of them. Added
/// up, one `and` and one shift split them into sums of twice the width, so nothing is ever widened; what half has added
/// comes off at the end, once. A panel's even positions hold the first half of its outputs, the odd ones the second.
struct PackedWeights {
  WeightType type = WeightType::kF32;
  int64_t in = 0, out = 0;
  std::vector<WeightPanel> panels;
  hwy::AlignedFreeUniquePtr<std::byte[]> data;
  std::vector<float> scale, shift;  // [out, rounded up to 64]: zero scale and shift behind the end
};

/// Largest magnitude of an integer weight of which `rows` share one addition.
constexpr int64_t largest_weight(WeightType type, int64_t rows) {
  return (type == WeightType::kU8 ? 128 : 32768) / rows - 1;
}

/// @param weights  [out, in], row-major
PackedWeights pack_weights(int64_t out, int64_t in, const float* weights);
/// Integer weights as U8 (each panel as narrow as its values allow) or U16.
/// @param type   kU8: |w| <= 127; kU16: |w| <= 8191
PackedWeights pack_weights(WeightType type, int64_t out, int64_t in, const int16_t* weights);

/// Room for weights that are packed anew at every training step (pack_panel() fills each panel): kF32, or kU16 with
/// four rows to an addition.
PackedWeights unpacked_weights(WeightType type, int64_t out, int64_t in);

/// No map, for neuron_spikes() and norm_potentials(): of `out` channels, with scale 1 and shift 0.
PackedWeights identity_norm(int64_t out);

/// kU8 sums are exact modulo 2^16, so they are right if the true sum fits int16. This is the proof: the largest and
/// smallest sums that inputs of `smallest` (0 or less) to `largest` can make.
/// @returns the first output whose sums may leave int16, or -1
int64_t first_overflow(int64_t out, int64_t in, const int16_t* weights, int64_t smallest, int64_t largest);

}  // namespace spikemix
