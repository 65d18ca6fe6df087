// SPDX-License-Identifier: MIT
// Lists of the positions of ones, for every SIMD target.
#if defined(SPIKEMIX_LIST_WRITER_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_LIST_WRITER_INL_H
#undef SPIKEMIX_LIST_WRITER_INL_H
#else
#define SPIKEMIX_LIST_WRITER_INL_H
#endif

#include <bit>

#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/spike_lists.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Positions = hn::CappedTag<uint16_t, 32>;

#if HWY_TARGET <= HWY_AVX3_DL  // one instruction compresses 16-bit values

// Appends `offset` + the positions of the ones of a word, which has none at `bits` or above.
HWY_INLINE uint16_t* append_word(uint64_t word, uint16_t offset, uint16_t* out, int64_t bits = 64) {
  const Positions d;
  constexpr size_t kN = hn::MaxLanes(Positions());
  constexpr uint64_t kMask = (uint64_t{1} << kN) - 1;
  for (size_t i = 0; i < 64 && int64_t(i) < bits; i += kN) {
    const uint64_t part = word >> i & kMask;
    const auto positions = hn::Add(hn::Iota(d, 0), hn::Set(d, uint16_t(offset + i)));
    const auto mask = hn::LoadMaskBits(d, reinterpret_cast<const uint8_t*>(&part));
    // Not CompressStore: compressing into memory is slow on some machines.
    hn::StoreU(hn::Compress(positions, mask), d, out);
    out += std::popcount(part);
  }
  return out;
}

#else  // Highway compresses them through memory: a table of bytes takes a fortieth of the time

// The positions of the ones of every byte, at the front; the rest is overwritten by the next byte's.
struct PositionsOfByte {
  uint8_t of[256][8] = {};
  constexpr PositionsOfByte() {
    for (int byte = 0; byte < 256; ++byte) {
      for (int bit = 0, n = 0; bit < 8; ++bit) {
        if (byte >> bit & 1) of[byte][n++] = uint8_t(bit);
      }
    }
  }
};
alignas(64) inline constexpr PositionsOfByte kPositions;

HWY_INLINE uint16_t* append_word(uint64_t word, uint16_t offset, uint16_t* out, int64_t bits = 64) {
  const hn::CappedTag<uint16_t, 8> d;
  const hn::Rebind<uint8_t, decltype(d)> bytes;
  for (size_t i = 0; i < 64 && int64_t(i) < bits; i += 8) {
    const auto byte = uint8_t(word >> i);
    const auto first = hn::Set(d, uint16_t(offset + i));
    for (size_t k = 0; k < 8; k += hn::Lanes(d))
      hn::StoreU(hn::Add(hn::PromoteTo(d, hn::LoadU(bytes, kPositions.of[byte] + k)), first), d, out + k);
    out += std::popcount(byte);
  }
  return out;
}

#endif

// Bit `plane` of 64 bytes, as a word.
HWY_INLINE uint64_t plane_of(const uint8_t* bytes, int64_t plane) {
  const hn::CappedTag<uint8_t, 64> d;
  constexpr int64_t kN = hn::MaxLanes(hn::CappedTag<uint8_t, 64>());
  const auto bit = hn::Set(d, uint8_t(1 << plane));
  uint64_t word = 0;
  for (int64_t b = 0; b < 64; b += kN) {
    uint64_t bits = 0;
    hn::StoreMaskBits(d, hn::TestBit(hn::LoadU(d, bytes + b), bit), reinterpret_cast<uint8_t*>(&bits));
    word |= bits << b;
  }
  return word;
}

// Writes lists, plane by plane, one after the other.
class ListWriter {
 public:
  ListWriter(SpikeLists& lists, int64_t inputs, int64_t planes, int64_t count)
      : lists_(lists), begin_(lists.index.get()), end_(begin_), next_(lists.begin.get()) {
    lists.inputs = inputs, lists.planes = planes, lists.count = count, lists.spikes = 0;
    *next_++ = 0;
  }
  HWY_INLINE void word(uint64_t bits, int64_t offset) { end_ = append_word(bits, uint16_t(offset), end_); }
  // Copies n positions, adding `offset` (modulo 2^16). One vector is always written, so that short lists need no
  // branch.
  HWY_INLINE void list(const uint16_t* positions, int64_t n, int64_t offset) {
    const Positions d;
    const auto by = hn::Set(d, uint16_t(offset));
    int64_t i = 0;
    do {
      hn::StoreU(hn::Add(hn::LoadU(d, positions + i), by), d, end_ + i);
      i += int64_t(hn::Lanes(d));
    } while (i < n);
    end_ += n;
  }
  HWY_INLINE void end_list() {
    const int64_t n = end_ - begin_, spikes = n - next_[-1];
    const int64_t filled = (spikes + kListMultiple - 1) / kListMultiple * kListMultiple;
    const hn::CappedTag<uint16_t, kListMultiple> d;
    for (int64_t i = 0; i < kListMultiple; i += int64_t(hn::Lanes(d)))
      hn::StoreU(hn::Set(d, uint16_t(lists_.inputs)), d, end_ + i);
    end_ += filled - spikes;
    *next_++ = uint32_t(end_ - begin_);
    lists_.spikes += spikes;
  }

 private:
  SpikeLists& lists_;
  uint16_t *const begin_, *end_;
  uint32_t* next_;
};

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
