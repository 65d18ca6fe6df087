// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/channel_lists.h"

#include <algorithm>

// As in spike_lists.cc: the target for machines that compress 16-bit values in one instruction.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/channel_lists.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/list_writer-inl.h"
#include "spikemix/kernels/spikes/spikes.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// Bit c of word r becomes bit r of word c: halves, quarters, ... are swapped.
HWY_INLINE void transpose_bits(uint64_t* HWY_RESTRICT words) {
  uint64_t mask = 0xffffffff;
  for (int j = 32; j > 0; j >>= 1, mask ^= mask << j) {
    for (int k = 0; k < 64; k = ((k | j) + 1) & ~j) {
      const uint64_t t = (words[k] >> j ^ words[k | j]) & mask;
      words[k] ^= t << j;
      words[k | j] ^= t;
    }
  }
}

// word(row, w): channels 64 w to 64 w + 63 of a row.
template <class Word>
void list_channels(std::span<const RowRange> ranges, int64_t C, int64_t planes, int64_t unused, SpikeLists& lists,
                   const Word& word) {
  // Pieces of at most 64 rows: one word for each channel.
  std::vector<RowRange> pieces;
  for (const RowRange& range : ranges) {
    for (int64_t i = 0; i < range.count; i += 64)
      pieces.push_back({range.first + i, std::min<int64_t>(64, range.count - i), range.block_row + i});
  }
  const auto n = int64_t(pieces.size());
  std::vector<uint64_t> transposed(size_t(planes * n * 64));
  ListWriter out(lists, unused, planes, C);
  for (int64_t w = 0; w < spike_words(C); ++w) {
    for (int64_t p = 0; p < planes; ++p) {
      for (int64_t i = 0; i < n; ++i) {
        uint64_t* block = transposed.data() + (p * n + i) * 64;
        for (int64_t r = 0; r < pieces[size_t(i)].count; ++r) block[r] = word(pieces[size_t(i)].first + r, w, p);
        std::fill(block + pieces[size_t(i)].count, block + 64, 0);
        transpose_bits(block);
      }
    }
    for (int64_t c = 0; c < std::min<int64_t>(64, C - 64 * w); ++c) {
      for (int64_t p = planes - 1; p >= 0; --p) {
        for (int64_t i = 0; i < n; ++i) {
          const uint64_t bits = transposed[size_t((p * n + i) * 64 + c)];
          if (bits) out.word(bits, pieces[size_t(i)].block_row);
        }
        out.end_list();
      }
    }
  }
}

void of_spikes(std::span<const RowRange> ranges, int64_t C, const uint64_t* bits, int64_t unused, SpikeLists& lists) {
  const int64_t words = spike_words(C);
  list_channels(ranges, C, 1, unused, lists, [&](int64_t row, int64_t w, int64_t) { return bits[row * words + w]; });
}

void of_counts(std::span<const RowRange> ranges, int64_t C, const uint8_t* counts, int64_t planes, int64_t unused,
               SpikeLists& lists) {
  const int64_t stride = 64 * spike_words(C);
  list_channels(ranges, C, planes, unused, lists, [&](int64_t row, int64_t w, int64_t p) HWY_ATTR {
    return plane_of(counts + row * stride + 64 * w, p);
  });
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(of_spikes);
HWY_EXPORT(of_counts);

void channel_lists_of_spikes(std::span<const RowRange> ranges, int64_t C, const uint64_t* bits, int64_t unused,
                             SpikeLists& lists) {
  HWY_DYNAMIC_DISPATCH(of_spikes)(ranges, C, bits, unused, lists);
}
void channel_lists_of_counts(std::span<const RowRange> ranges, int64_t C, const uint8_t* counts, int64_t planes,
                             int64_t unused, SpikeLists& lists) {
  HWY_DYNAMIC_DISPATCH(of_counts)(ranges, C, counts, planes, unused, lists);
}

}  // namespace spikemix
#endif  // HWY_ONCE
