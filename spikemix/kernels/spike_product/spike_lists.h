#pragma once

#include <cstdint>
#include <memory>

namespace spikemix {

/// List kernels write whole vectors: so many values behind a list's end may be overwritten.
constexpr int64_t kListPad = 64;

/// Which inputs of a linear map spiked: a *list* for each row of the map's input (a token, or the 3x3 neighbourhood of
/// a pixel) and time step. Spikes are one *plane*: the ascending positions of the ones. Small integers (the residual
/// stream) are one plane for each bit, the highest first: a product adds a plane's weight rows, doubles the sums, and
/// goes on with the next plane. A loop over a list has a known length, where a walk over bits mispredicts once a word.
///
/// Each plane is filled up to a multiple of kListMultiple with the index `inputs`, whose weights are zero: no kernel
/// has a tail.
constexpr int64_t kListMultiple = 4;
class SpikeLists {
 public:
  int64_t inputs = 0, planes = 1, count = 0;  // count: of lists
  int64_t spikes = 0;                         // entries of all lists, without what fills up
  std::unique_ptr<uint16_t[]> index;          // all lists' entries, one behind the other
  std::unique_ptr<uint32_t[]> begin;  // [count * planes + 1]; plane p of list i: [begin[i planes + p], begin[.. + 1])

  /// Room for `entries` in all in so many lists (times planes); what is there already stays if it is enough. Memory
  /// that no spike touches is never committed.
  void reserve(int64_t max_lists, int64_t max_entries);

 private:
  int64_t lists_room_ = 0, entries_room_ = 0;
};

/// The spikes of T steps of one image, row of pixels by row of pixels: those of three neighbours lie side by side, so
/// that a 3x3 neighbourhood is three stretches of entries. Of small integers each plane, the highest first.
struct PixelLists {
  int64_t height, width, C;
  const uint16_t* index;  // [planes, T * height, list_stride(width, C)]: x C + c (modulo 2^16), channel c of pixel x
  const uint32_t* begin;  // [planes, T * height, width + 1]: pixel x of a row has its entries [begin[x], begin[x + 1])
  int64_t planes = 1;
};
constexpr int64_t list_stride(int64_t width, int64_t C) { return width * C + kListPad; }

/// The lists of `rows` rows of pixels, bits [rows, width, words of C]; index and begin as in PixelLists.
void list_pixels(int64_t rows, int64_t width, int64_t C, const uint64_t* bits, uint16_t* index, uint32_t* begin);
/// Of small integers, counts [rows, width, C rounded up to 64]: rows [first, first + rows) of all_rows (T * height).
void list_pixels(int64_t first, int64_t rows, int64_t all_rows, int64_t width, int64_t C, const uint8_t* counts,
                 int64_t planes, uint16_t* index, uint32_t* begin);

/// Of a linear layer on C spikes: list (r, t) is of row r of `bits` + t * step_words, [rows, words of C].
void lists_of_spikes(int64_t rows, int64_t T, int64_t C, const uint64_t* bits, int64_t step_words, SpikeLists& lists);

/// Of a linear layer on C small integers: list (r, t) is of row r of `counts` + t * step, [rows, C rounded up to 64]
/// bytes, zero behind C; no value is 2^planes or more.
void lists_of_counts(int64_t rows, int64_t T, int64_t C, const uint8_t* counts, int64_t step, int64_t planes,
                     SpikeLists& lists);

/// The residual stream takes up a layer's spikes: counts [rows, 64 words] += bits [rows, words].
void add_spikes(int64_t rows, int64_t words, const uint64_t* bits, uint8_t* counts);
/// The same of other counts. @param values  how many
void add_counts(int64_t values, const uint8_t* x, uint8_t* counts);

/// Of a 3x3 convolution with padding 1: list (r, t) is of the neighbourhood of pixel `first` + r; input
/// (3 ky + kx) C + c is channel c of the neighbour at (ky - 1, kx - 1).
void lists_of_neighbours(int64_t first, int64_t rows, int64_t T, const PixelLists& pixels, SpikeLists& lists);

}  // namespace spikemix
