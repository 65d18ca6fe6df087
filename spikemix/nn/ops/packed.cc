// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/packed.h"

#include <algorithm>
#include <bit>

#include <ATen/Parallel.h>

#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/nn/ops/chunks.h"
#include "spikemix/nn/ops/kernel_data.h"

namespace spikemix {
namespace {

constexpr int64_t kGrain = 1 << 15;  // values

// f(begin, end) over rows of C values.
template <class F>
void for_rows(int64_t rows, int64_t C, const F& f) {
  at::parallel_for(0, rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, C)), f);
}

}  // namespace

Packed::Packed(const torch::Tensor& x, Values values)
    : values_(values), sizes_(x.sizes().vec()), type_(x.scalar_type()) {
  if (values == Values::kReal) {
    packed_ = x;
    return;
  }
  if (!has_kernels(x)) {
    packed_ = x.to(torch::kUInt8);
    return;
  }
  const int64_t C = channels(), words = spike_words(C);
  if (values == Values::kSpikes) {
    packed_ = torch::empty({rows(), words}, torch::kInt64);
    with_kernel_type(x, [&]<class X>(X) {
      const X* from = kernel_data<X>(x);
      uint64_t* to = kernel_data<uint64_t>(packed_);
      for_rows(rows(), C, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) pack_spikes(0, C, from + r * C, to + r * words);
      });
    });
  } else {
    packed_ = torch::empty({rows(), 64 * words}, torch::kUInt8);
    with_kernel_type(x, [&]<class X>(X) {
      const X* from = kernel_data<X>(x);
      uint8_t* to = kernel_data<uint8_t>(packed_);
      for_rows(rows(), C, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          uint8_t* row = to + r * 64 * words;
          pack_counts(0, C, from + r * C, row);
          std::fill(row + C, row + 64 * words, uint8_t{0});
        }
      });
    });
  }
}

Packed::Packed(const torch::Tensor& packed, Values values, torch::IntArrayRef sizes, torch::ScalarType type)
    : packed_(packed), values_(values), sizes_(sizes.vec()), type_(type) {}

torch::Tensor Packed::unpack() const {
  if (values_ == Values::kReal) return packed_;
  const auto x = torch::empty(sizes_, packed_.options().dtype(type_));
  if (!has_kernels(x)) return packed_.to(type_).view(sizes_);
  const int64_t C = channels(), words = spike_words(C);
  with_kernel_type(x, [&]<class X>(X) {
    X* to = kernel_data<X>(x);
    for_rows(rows(), C, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        if (values_ == Values::kSpikes)
          unpack_spikes(0, C, bits() + r * words, to + r * C);
        else
          unpack_counts(0, C, counts() + r * 64 * words, to + r * C);
      }
    });
  });
  return x;
}

int64_t Packed::rows() const {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < sizes_.size(); ++i) rows *= sizes_[i];
  return rows;
}

const uint64_t* Packed::bits() const { return kernel_data<uint64_t>(packed_); }
const uint8_t* Packed::counts() const { return kernel_data<uint8_t>(packed_); }

const uint64_t* Packed::words() const {
  return values_ == Values::kSpikes ? bits() : reinterpret_cast<const uint64_t*>(counts());
}

int64_t Packed::planes() const {
  if (values_ == Values::kSpikes) return 1;
  // Eight counts to a word: OR keeps the highest bit of the largest.
  const uint64_t* all = words();
  uint64_t any = 0;
  for (int64_t i = 0; i < packed_.numel() / 8; ++i) any |= all[i];
  for (int shift = 32; shift >= 8; shift /= 2) any |= any >> shift;
  return std::max<int64_t>(1, std::bit_width(any & 0xff));
}

int64_t Packed::entries(int64_t first_row, int64_t last_row) const {
  // For counts too: their ones are those of their planes.
  const int64_t width = spike_words(channels()) * (values_ == Values::kSpikes ? 1 : 8);
  return count_ones((last_row - first_row) * width, words() + first_row * width);
}

torch::Tensor Packed::totals() const {
  if (!packed_.is_cpu() || type_ == torch::kFloat64)  // one byte for each value: no kernels have read x
    return torch::stack({packed_.sum(torch::kInt64), packed_.count_nonzero()});
  if (values_ == Values::kSpikes) return torch::full({2}, entries(), torch::kInt64);
  constexpr int64_t kWords = 1 << 12;
  const int64_t n = packed_.numel() / 8;
  const auto sums = torch::zeros({chunks(n, kWords), 2}, torch::kInt64);
  const uint64_t* all = words();
  auto* out = sums.mutable_data_ptr<int64_t>();
  for_chunks(n, kWords, [&](int64_t chunk, int64_t begin, int64_t end) {
    const auto [sum, there] = count_totals(end - begin, all + begin);
    out[2 * chunk] = sum, out[2 * chunk + 1] = there;
  });
  return sums.sum(0);
}

}  // namespace spikemix
