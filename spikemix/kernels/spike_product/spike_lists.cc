// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/spike_lists.h"

#include <algorithm>
#include <bit>

// The target for machines that compress 16-bit values in one instruction (Ice Lake, Zen 4): 4 times as fast here.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/spike_product/spike_lists.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/spike_product/list_writer-inl.h"
#include "spikemix/kernels/spikes/spikes.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void list_pixels(int64_t rows, int64_t width, int64_t C, const uint64_t* bits, uint16_t* index, uint32_t* begin) {
  const int64_t stride = list_stride(width, C);
  for (int64_t r = 0; r < rows; ++r, index += stride) {
    uint16_t* end = index;
    for (int64_t x = 0; x < width; ++x) {
      *begin++ = uint32_t(end - index);
      for (int64_t c = 0; c < C; c += 64) end = append_word(*bits++, uint16_t(x * C + c), end, C - c);
    }
    *begin++ = uint32_t(end - index);
  }
}

void list_pixel_planes(int64_t first, int64_t rows, int64_t all_rows, int64_t width, int64_t C, const uint8_t* counts,
                       int64_t planes, uint16_t* index, uint32_t* begin) {
  const int64_t stride = list_stride(width, C), padded = 64 * spike_words(C);
  for (int64_t p = 0; p < planes; ++p) {
    for (int64_t row = first; row < first + rows; ++row) {
      const uint8_t* pixel = counts + row * width * padded;
      uint16_t *const to = index + (p * all_rows + row) * stride, *end = to;
      uint32_t* at = begin + (p * all_rows + row) * (width + 1);
      for (int64_t x = 0; x < width; ++x, pixel += padded) {
        *at++ = uint32_t(end - to);
        for (int64_t c = 0; c < C; c += 64) {
          const uint64_t word = plane_of(pixel + c, planes - 1 - p);
          if (word) end = append_word(word, uint16_t(x * C + c), end, C - c);  // high planes are nearly empty
        }
      }
      *at = uint32_t(end - to);
    }
  }
}

void lists_of_spikes(int64_t rows, int64_t T, int64_t C, const uint64_t* bits, int64_t step_words, SpikeLists& lists) {
  const int64_t words = spike_words(C);
  ListWriter out(lists, C, 1, rows * T);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t t = 0; t < T; ++t) {
      const uint64_t* row = bits + t * step_words + r * words;
      for (int64_t w = 0; w < words; ++w) out.word(row[w], 64 * w);
      out.end_list();
    }
  }
}

void lists_of_counts(int64_t rows, int64_t T, int64_t C, const uint8_t* counts, int64_t step, int64_t planes,
                     SpikeLists& lists) {
  const int64_t words = spike_words(C);
  ListWriter out(lists, C, planes, rows * T);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t t = 0; t < T; ++t) {
      const uint8_t* row = counts + t * step + r * 64 * words;
      for (int64_t p = planes - 1; p >= 0; --p) {
        for (int64_t w = 0; w < words; ++w) {
          const uint64_t word = plane_of(row + 64 * w, p);
          if (word) out.word(word, 64 * w);  // high planes are nearly empty
        }
        out.end_list();
      }
    }
  }
}

void add_spikes(int64_t rows, int64_t words, const uint64_t* bits, uint8_t* counts) {
  const hn::CappedTag<uint8_t, 64> d;
  constexpr int64_t kN = hn::MaxLanes(hn::CappedTag<uint8_t, 64>());
  for (int64_t i = 0; i < rows * words; ++i) {
    for (int64_t b = 0; b < 64; b += kN) {
      const uint64_t part = bits[i] >> b;
      const auto mask = hn::LoadMaskBits(d, reinterpret_cast<const uint8_t*>(&part));
      const auto ones = hn::VecFromMask(d, mask);  // all bits: minus one
      hn::StoreU(hn::Sub(hn::LoadU(d, counts + 64 * i + b), ones), d, counts + 64 * i + b);
    }
  }
}

void add_counts(int64_t values, const uint8_t* x, uint8_t* counts) {
  for (int64_t i = 0; i < values; ++i) counts[i] = uint8_t(counts[i] + x[i]);
}

void lists_of_neighbours(int64_t first, int64_t rows, int64_t T, const PixelLists& pixels, SpikeLists& lists) {
  const int64_t H = pixels.height, W = pixels.width, C = pixels.C, stride = list_stride(W, C);
  ListWriter out(lists, 9 * C, pixels.planes, rows * T);
  for (int64_t r = first; r < first + rows; ++r) {
    const int64_t y = r / W, x = r % W, left = std::max<int64_t>(0, x - 1), right = std::min(W, x + 2);
    const int64_t top = std::max<int64_t>(0, y - 1), bottom = std::min(H, y + 2);
    for (int64_t plane_of_step = 0; plane_of_step < T * pixels.planes; ++plane_of_step) {
      const int64_t t = plane_of_step / pixels.planes, plane = plane_of_step % pixels.planes;
      for (int64_t from_y = top; from_y < bottom; ++from_y) {
        const int64_t row = (plane * T + t) * H + from_y;
        const uint32_t* begin = pixels.begin + row * (W + 1);
        out.list(pixels.index + row * stride + begin[left], begin[right] - begin[left],
                 (3 * (from_y - y + 1) + 1 - x) * C);
      }
      out.end_list();
    }
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(list_pixels);
HWY_EXPORT(list_pixel_planes);
HWY_EXPORT(lists_of_spikes);
HWY_EXPORT(lists_of_counts);
HWY_EXPORT(lists_of_neighbours);
HWY_EXPORT(add_spikes);
HWY_EXPORT(add_counts);

void SpikeLists::reserve(int64_t max_lists, int64_t max_entries) {
  if (max_entries + max_lists * (kListMultiple - 1) > entries_room_) {
    entries_room_ = max_entries + max_lists * (kListMultiple - 1);
    index.reset(new uint16_t[size_t(entries_room_ + kListPad)]);
  }
  if (max_lists > lists_room_) {
    lists_room_ = max_lists;
    begin.reset(new uint32_t[size_t(max_lists + 1)]);
  }
}

void list_pixels(int64_t rows, int64_t width, int64_t C, const uint64_t* bits, uint16_t* index, uint32_t* begin) {
  HWY_DYNAMIC_DISPATCH(list_pixels)(rows, width, C, bits, index, begin);
}
void list_pixels(int64_t first, int64_t rows, int64_t all_rows, int64_t width, int64_t C, const uint8_t* counts,
                 int64_t planes, uint16_t* index, uint32_t* begin) {
  HWY_DYNAMIC_DISPATCH(list_pixel_planes)(first, rows, all_rows, width, C, counts, planes, index, begin);
}
void lists_of_spikes(int64_t rows, int64_t T, int64_t C, const uint64_t* bits, int64_t step_words, SpikeLists& lists) {
  HWY_DYNAMIC_DISPATCH(lists_of_spikes)(rows, T, C, bits, step_words, lists);
}
void lists_of_counts(int64_t rows, int64_t T, int64_t C, const uint8_t* counts, int64_t step, int64_t planes,
                     SpikeLists& lists) {
  HWY_DYNAMIC_DISPATCH(lists_of_counts)(rows, T, C, counts, step, planes, lists);
}
void lists_of_neighbours(int64_t first, int64_t rows, int64_t T, const PixelLists& pixels, SpikeLists& lists) {
  HWY_DYNAMIC_DISPATCH(lists_of_neighbours)(first, rows, T, pixels, lists);
}

void add_spikes(int64_t rows, int64_t words, const uint64_t* bits, uint8_t* counts) {
  HWY_DYNAMIC_DISPATCH(add_spikes)(rows, words, bits, counts);
}
void add_counts(int64_t values, const uint8_t* x, uint8_t* counts) {
  HWY_DYNAMIC_DISPATCH(add_counts)(values, x, counts);
}

}  // namespace spikemix
#endif  // HWY_ONCE
