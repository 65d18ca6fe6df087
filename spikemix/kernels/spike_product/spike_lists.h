// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

namespace spikemix {

/// List kernels write whole vectors: this many values past a list's end may be overwritten.
constexpr int64_t kListPad = 64;

/// Which inputs of a linear map spiked: a *list* for each row of the map's input (a token, or the 3x3 neighbourhood of
/// a pixel) and time step. Spikes are one *plane*: the ascending positions of the ones. Small integers (the residual
/// stream) have one plane for each bit, the highest first: a product adds a plane's weight rows, doubles the sums, and
/// continues with the next plane. A loop over a list has a known length, whereas walking over bits mispredicts once for
/// each word.
///
/// Each plane is padded to a multiple of kListMultiple with the index `inputs`, whose weights are zero, so that no
/// kernel needs a remainder loop.
constexpr int64_t kListMultiple = 4;
class SpikeLists {
 public:
  int64_t inputs = 0, planes = 1, count = 0;  // count: of lists
  int64_t spikes = 0;                         // entries of all lists, without padding
  std::unique_ptr<uint16_t[]> index;          // all lists' entries, one after the other
  std::unique_ptr<uint32_t[]> begin;  // [count * planes + 1]; plane p of list i: [begin[i planes + p], begin[.. + 1])

  /// Makes room for `entries` in all, in this many lists (times planes); existing room is kept if it is enough. Memory
  /// that no spike touches is never committed.
  void reserve(int64_t max_lists, int64_t max_entries);

 private:
  int64_t lists_room_ = 0, entries_room_ = 0;
};

/// The spikes of T steps of one image, by rows of pixels: the entries of three neighbours are contiguous, so that a 3x3
/// neighbourhood is three ranges of entries. For small integers, each plane separately, the highest first.
struct PixelLists {
  int64_t height, width, C;
  const uint16_t* index;  // [planes, T * height, list_stride(width, C)]: x C + c (modulo 2^16), channel c of pixel x
  const uint32_t* begin;  // [planes, T * height, width + 1]: pixel x of a row has its entries [begin[x], begin[x + 1])
  int64_t planes = 1;
};
constexpr int64_t list_stride(int64_t width, int64_t C) { return width * C + kListPad; }

/// The lists of `rows` rows of pixels, bits [rows, width, words of C]; index and begin as in PixelLists.
void list_pixels(int64_t rows, int64_t width, int64_t C, const uint64_t* bits, uint16_t* index, uint32_t* begin);
/// The same for small integers, counts [rows, width, C rounded up to 64]: rows [first, first + rows) of all_rows (T *
/// height).
void list_pixels(int64_t first, int64_t rows, int64_t all_rows, int64_t width, int64_t C, const uint8_t* counts,
                 int64_t planes, uint16_t* index, uint32_t* begin);

/// Lists for a linear layer on C spikes: list (r, t) is row r of `bits` + t * step_words, [rows, words of C].
void lists_of_spikes(int64_t rows, int64_t T, int64_t C, const uint64_t* bits, int64_t step_words, SpikeLists& lists);

/// Lists for a linear layer on C small integers: list (r, t) is row r of `counts` + t * step, [rows, C rounded up to
/// 64] bytes, zero after C; all values are below 2^planes.
void lists_of_counts(int64_t rows, int64_t T, int64_t C, const uint8_t* counts, int64_t step, int64_t planes,
                     SpikeLists& lists);

/// Adds a layer's spikes to the residual stream: counts [rows, 64 words] += bits [rows, words].
void add_spikes(int64_t rows, int64_t words, const uint64_t* bits, uint8_t* counts);
/// The same for other counts. @param values  how many
void add_counts(int64_t values, const uint8_t* x, uint8_t* counts);

/// Lists for a 3x3 convolution with padding 1: list (r, t) is the neighbourhood of pixel `first` + r; input (3 ky + kx)
/// C + c is channel c of the neighbour at (ky - 1, kx - 1).
void lists_of_neighbours(int64_t first, int64_t rows, int64_t T, const PixelLists& pixels, SpikeLists& lists);

}  // namespace spikemix
