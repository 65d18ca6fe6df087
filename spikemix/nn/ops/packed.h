// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The range of a tensor of activations, which decides what a training step keeps of each value: a bit, a byte, or the
/// value itself.
enum class Values { kSpikes, kCounts, kReal };

/// An activation [..., C] kept for backward, and read by the sparse products: rows of bits, padded to whole words, or
/// of bytes, padded to whole words' worth of bits.
class Packed {
 public:
  Packed(const torch::Tensor& x, Values values);
  Packed(const torch::Tensor& packed, Values values, torch::IntArrayRef sizes, torch::ScalarType type);

  /// For AutogradContext::save_for_backward.
  const torch::Tensor& tensor() const { return packed_; }
  torch::Tensor unpack() const;

  Values values() const { return values_; }
  int64_t rows() const;
  int64_t channels() const { return sizes_.back(); }
  const uint64_t* bits() const;   // kSpikes: [rows, words of C]
  const uint8_t* counts() const;  // kCounts: [rows, 64 words of C]

  /// Bit planes of a channel: 1, or what the largest count needs.
  int64_t planes() const;
  /// Entries of all lists: the ones in all planes. Their share of the values determines the cost of a sparse product.
  int64_t entries() const { return entries(0, rows()); }
  int64_t entries(int64_t first_row, int64_t last_row) const;

  /// For spikes or counts: their sum, and how many are not 0. [2] whole numbers, on the device.
  torch::Tensor totals() const;

 private:
  const uint64_t* words() const;  // the same memory

  torch::Tensor packed_;
  Values values_;
  std::vector<int64_t> sizes_;
  torch::ScalarType type_;
};

}  // namespace spikemix
