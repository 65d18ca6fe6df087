#include "spikemix/nn/packed.h"

#include <ATen/Parallel.h>

#include "spikemix/kernels/spikes/spikes.h"
#include "spikemix/nn/kernel_data.h"

namespace spikemix {
namespace {

constexpr int64_t kGrain = 1 << 15;  // a multiple of 64, as pack_spikes asks

// f(begin, end) over n values, begin a multiple of 64.
template <class F>
void for_values(int64_t n, const F& f) {
  at::parallel_for(0, (n + kGrain - 1) / kGrain, 1,
                   [&](int64_t first, int64_t last) { f(first * kGrain, std::min(n, last * kGrain)); });
}

}  // namespace

Packed::Packed(const torch::Tensor& x, Values values)
    : values_(values), sizes_(x.sizes().vec()), type_(x.scalar_type()) {
  const int64_t n = x.numel();
  if (values == Values::kReal) {
    packed_ = x;
  } else if (!has_kernels(x)) {
    packed_ = x.to(torch::kUInt8);
  } else if (values == Values::kSpikes) {
    packed_ = torch::empty({spike_words(n)}, torch::kInt64);
    with_kernel_type(x, [&]<class X>(X) {
      for_values(n, [&](int64_t begin, int64_t end) {
        pack_spikes(begin, end, kernel_data<X>(x), kernel_data<uint64_t>(packed_));
      });
    });
  } else {
    packed_ = torch::empty({n}, torch::kUInt8);
    with_kernel_type(x, [&]<class X>(X) {
      for_values(n, [&](int64_t begin, int64_t end) {
        pack_counts(begin, end, kernel_data<X>(x), kernel_data<uint8_t>(packed_));
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
  with_kernel_type(x, [&]<class X>(X) {
    for_values(x.numel(), [&](int64_t begin, int64_t end) {
      if (values_ == Values::kSpikes)
        unpack_spikes(begin, end, kernel_data<uint64_t>(packed_), kernel_data<X>(x));
      else
        unpack_counts(begin, end, kernel_data<uint8_t>(packed_), kernel_data<X>(x));
    });
  });
  return x;
}

}  // namespace spikemix
