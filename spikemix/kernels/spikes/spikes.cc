// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spikes/spikes.h"

#include <algorithm>
#include <bit>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spikes/spikes.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// A word is built and taken apart 8 lanes at a time: a byte of bits on every target, a whole vector on AVX2.
// Targets with fewer lanes use what they have.
using Tag = hn::CappedTag<float, 8>;

template <class X>
void pack(int64_t begin, int64_t end, const X* x, uint64_t* words) {
  const Tag d;
  const auto lanes = int64_t(hn::Lanes(d));
  for (int64_t i = begin; i < end; i += 64) {
    uint64_t word = 0;
    const int64_t n = std::min<int64_t>(64, end - i);
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) {
      uint8_t bits[8] = {};  // StoreMaskBits may write up to 8 bytes
      hn::StoreMaskBits(d, hn::Ne(load(d, x + i + j), hn::Zero(d)), bits);
      word |= uint64_t(bits[0]) << j;
    }
    for (; j < n; ++j) word |= uint64_t(float(x[i + j]) != 0) << j;
    words[i / 64] = word;
  }
}

template <class X>
void unpack(int64_t begin, int64_t end, const uint64_t* words, X* x) {
  const Tag d;
  const auto lanes = int64_t(hn::Lanes(d));
  for (int64_t i = begin; i < end; i += 64) {
    const uint64_t word = words[i / 64];
    const int64_t n = std::min<int64_t>(64, end - i);
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) {
      const uint8_t bits[8] = {uint8_t(word >> j)};  // LoadMaskBits may read up to 8 bytes
      store(d, hn::IfThenElseZero(hn::LoadMaskBits(d, bits), hn::Set(d, 1)), x + i + j);
    }
    for (; j < n; ++j) x[i + j] = X(float(word >> j & 1));
  }
}

// Plain loops: the compiler turns them into good instructions for each target.
template <class X>
void to_bytes(int64_t begin, int64_t end, const X* x, uint8_t* bytes) {
  for (int64_t i = begin; i < end; ++i) bytes[i] = uint8_t(int32_t(float(x[i])));
}

template <class X>
void from_bytes(int64_t begin, int64_t end, const uint8_t* bytes, X* x) {
  for (int64_t i = begin; i < end; ++i) x[i] = X(float(int32_t(bytes[i])));
}

int64_t ones_of(int64_t words, const uint64_t* bits) {
  int64_t ones = 0;
  for (int64_t i = 0; i < words; ++i) ones += std::popcount(bits[i]);
  return ones;
}

// Eight counts to a word; a block is as long as sums of 16 bits allow.
CountTotals totals_of(int64_t words, const uint64_t* counts) {
  constexpr uint64_t kEven = 0x00ff00ff00ff00ff, kSeven = 0x7f7f7f7f7f7f7f7f, kOne = 0x0101010101010101;
  constexpr int64_t kBlock = 128;
  const auto pairs = [](uint64_t bytes) { return (bytes & kEven) + (bytes >> 8 & kEven); };
  CountTotals totals;
  for (int64_t begin = 0; begin < words; begin += kBlock) {
    const int64_t end = std::min(words, begin + kBlock);
    uint64_t sums = 0, not_zero = 0;
    for (int64_t i = begin; i < end; ++i) {
      sums += pairs(counts[i]);
      not_zero += (((counts[i] & kSeven) + kSeven) | counts[i]) >> 7 & kOne;
    }
    not_zero = pairs(not_zero);
    for (int shift = 0; shift < 64; shift += 16) {
      totals.sum += int64_t(sums >> shift & 0xffff);
      totals.not_zero += int64_t(not_zero >> shift & 0xffff);
    }
  }
  return totals;
}

// Named instances, which HWY_EXPORT requires.
void pack_float(int64_t begin, int64_t end, const float* x, uint64_t* words) { pack(begin, end, x, words); }
void pack_bfloat16(int64_t begin, int64_t end, const Bfloat16* x, uint64_t* words) { pack(begin, end, x, words); }
void unpack_float(int64_t begin, int64_t end, const uint64_t* words, float* x) { unpack(begin, end, words, x); }
void unpack_bfloat16(int64_t begin, int64_t end, const uint64_t* words, Bfloat16* x) { unpack(begin, end, words, x); }
void to_bytes_float(int64_t begin, int64_t end, const float* x, uint8_t* bytes) { to_bytes(begin, end, x, bytes); }
void to_bytes_bfloat16(int64_t begin, int64_t end, const Bfloat16* x, uint8_t* bytes) {
  to_bytes(begin, end, x, bytes);
}
void from_bytes_float(int64_t begin, int64_t end, const uint8_t* bytes, float* x) { from_bytes(begin, end, bytes, x); }
void from_bytes_bfloat16(int64_t begin, int64_t end, const uint8_t* bytes, Bfloat16* x) {
  from_bytes(begin, end, bytes, x);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(ones_of);
HWY_EXPORT(totals_of);
HWY_EXPORT(pack_float);
HWY_EXPORT(pack_bfloat16);
HWY_EXPORT(unpack_float);
HWY_EXPORT(unpack_bfloat16);
HWY_EXPORT(to_bytes_float);
HWY_EXPORT(to_bytes_bfloat16);
HWY_EXPORT(from_bytes_float);
HWY_EXPORT(from_bytes_bfloat16);

void take_spikes(int64_t first, int64_t n, const uint64_t* row, uint64_t* out) {
  for (int64_t i = 0; i < n; i += 64) {
    const int64_t word = (first + i) / 64, shift = (first + i) % 64, left = std::min<int64_t>(64, n - i);
    uint64_t bits = row[word] >> shift;
    if (shift + left > 64) bits |= row[word + 1] << (64 - shift);
    out[i / 64] = left == 64 ? bits : bits & ((uint64_t{1} << left) - 1);
  }
}

int64_t count_ones(int64_t words, const uint64_t* bits) { return HWY_DYNAMIC_DISPATCH(ones_of)(words, bits); }
CountTotals count_totals(int64_t words, const uint64_t* counts) {
  return HWY_DYNAMIC_DISPATCH(totals_of)(words, counts);
}

void pack_spikes(int64_t begin, int64_t end, const float* x, uint64_t* words) {
  HWY_DYNAMIC_DISPATCH(pack_float)(begin, end, x, words);
}
void pack_spikes(int64_t begin, int64_t end, const Bfloat16* x, uint64_t* words) {
  HWY_DYNAMIC_DISPATCH(pack_bfloat16)(begin, end, x, words);
}
void unpack_spikes(int64_t begin, int64_t end, const uint64_t* words, float* x) {
  HWY_DYNAMIC_DISPATCH(unpack_float)(begin, end, words, x);
}
void unpack_spikes(int64_t begin, int64_t end, const uint64_t* words, Bfloat16* x) {
  HWY_DYNAMIC_DISPATCH(unpack_bfloat16)(begin, end, words, x);
}
void pack_counts(int64_t begin, int64_t end, const float* x, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(to_bytes_float)(begin, end, x, bytes);
}
void pack_counts(int64_t begin, int64_t end, const Bfloat16* x, uint8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(to_bytes_bfloat16)(begin, end, x, bytes);
}
void unpack_counts(int64_t begin, int64_t end, const uint8_t* bytes, float* x) {
  HWY_DYNAMIC_DISPATCH(from_bytes_float)(begin, end, bytes, x);
}
void unpack_counts(int64_t begin, int64_t end, const uint8_t* bytes, Bfloat16* x) {
  HWY_DYNAMIC_DISPATCH(from_bytes_bfloat16)(begin, end, bytes, x);
}

}  // namespace spikemix
#endif
