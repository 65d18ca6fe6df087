// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// The form in which a training step keeps spikes: one bit for each value (spikes are 0 or 1), or one byte if values
/// are small counts (0 to 255: the residual stream). Value i is bit i % 64 of word i / 64.
inline int64_t spike_words(int64_t n) { return (n + 63) / 64; }

/// Values [begin, end) of x; begin is a multiple of 64. The bits past `end` in its last word are zero.
void pack_spikes(int64_t begin, int64_t end, const float* x, uint64_t* words);
void pack_spikes(int64_t begin, int64_t end, const Bfloat16* x, uint64_t* words);
void unpack_spikes(int64_t begin, int64_t end, const uint64_t* words, float* x);
void unpack_spikes(int64_t begin, int64_t end, const uint64_t* words, Bfloat16* x);

void pack_counts(int64_t begin, int64_t end, const float* x, uint8_t* bytes);
void pack_counts(int64_t begin, int64_t end, const Bfloat16* x, uint8_t* bytes);
void unpack_counts(int64_t begin, int64_t end, const uint8_t* bytes, float* x);
void unpack_counts(int64_t begin, int64_t end, const uint8_t* bytes, Bfloat16* x);

/// Channels [first, first + n) of a row of spikes as a row of their own, with zeros after the last.
void take_spikes(int64_t first, int64_t n, const uint64_t* row, uint64_t* out);

/// The number of ones in this many words; for counts, the ones of all their bit planes.
int64_t count_ones(int64_t words, const uint64_t* bits);

/// For this many words of counts, eight in each: their sum, and how many are not 0.
struct CountTotals {
  int64_t sum = 0, not_zero = 0;
};
CountTotals count_totals(int64_t words, const uint64_t* counts);

}  // namespace spikemix
