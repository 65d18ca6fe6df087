// SPDX-License-Identifier: MIT
#include "spikemix/kernels/attention/dense_attention.h"

#include "spikemix/kernels/spikes/spikes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/attention/dense_attention.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file again for each target.
#include <hwy/highway.h>

#include "spikemix/kernels/spikes/values-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

// Eight rows of a b, at one vector of columns: enough sums to keep the multipliers busy. `row` and `inner` are the
// strides of a's values, so that a may be a transpose.
template <class D>
HWY_INLINE void eight_rows(D d, int64_t n, const float* a, int64_t row, int64_t inner, const float* b, int64_t b_row,
                           float* c, int64_t c_row) {
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0, s7 = s0;
  for (int64_t i = 0; i < n; ++i, a += inner) {
    const auto v = hn::LoadU(d, b + i * b_row);
    s0 = hn::MulAdd(hn::Set(d, a[0]), v, s0);
    s1 = hn::MulAdd(hn::Set(d, a[row]), v, s1);
    s2 = hn::MulAdd(hn::Set(d, a[2 * row]), v, s2);
    s3 = hn::MulAdd(hn::Set(d, a[3 * row]), v, s3);
    s4 = hn::MulAdd(hn::Set(d, a[4 * row]), v, s4);
    s5 = hn::MulAdd(hn::Set(d, a[5 * row]), v, s5);
    s6 = hn::MulAdd(hn::Set(d, a[6 * row]), v, s6);
    s7 = hn::MulAdd(hn::Set(d, a[7 * row]), v, s7);
  }
  hn::StoreU(s0, d, c);
  hn::StoreU(s1, d, c + c_row);
  hn::StoreU(s2, d, c + 2 * c_row);
  hn::StoreU(s3, d, c + 3 * c_row);
  hn::StoreU(s4, d, c + 4 * c_row);
  hn::StoreU(s5, d, c + 5 * c_row);
  hn::StoreU(s6, d, c + 6 * c_row);
  hn::StoreU(s7, d, c + 7 * c_row);
}

template <class D>
HWY_INLINE void one_row(D d, int64_t n, const float* a, int64_t inner, const float* b, int64_t b_row, float* c) {
  auto sum = hn::Zero(d);
  for (int64_t i = 0; i < n; ++i) sum = hn::MulAdd(hn::Set(d, a[i * inner]), hn::LoadU(d, b + i * b_row), sum);
  hn::StoreU(sum, d, c);
}

// c [rows, columns] = a [rows, n] b [n, columns]
void product(int64_t rows, int64_t n, int64_t columns, const float* a, int64_t row, int64_t inner, const float* b,
             int64_t b_row, float* c, int64_t c_row) {
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    for_columns(columns, [&](auto d, int64_t at) HWY_ATTR {
      eight_rows(d, n, a + r * row, row, inner, b + at, b_row, c + r * c_row + at, c_row);
    });
  }
  for (; r < rows; ++r) {
    for_columns(columns, [&](auto d, int64_t at)
                             HWY_ATTR { one_row(d, n, a + r * row, inner, b + at, b_row, c + r * c_row + at); });
  }
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(product);

int64_t dense_attention_floats(AttentionOrder order, int64_t N, int64_t heads, int64_t d) {
  return 3 * N * heads * d + (order == AttentionOrder::kQueryKey ? N * N + d * N : d * d);
}

void dense_attention(AttentionOrder order, int64_t N, int64_t heads, int64_t d, const uint64_t* q, const uint64_t* k,
                     const uint64_t* v, float* scratch, float* y) {
  const auto multiply = [](auto... of) { HWY_DYNAMIC_DISPATCH(product)(of...); };
  const int64_t D = heads * d, words = spike_words(D);
  float *const queries = scratch, *const keys = queries + N * D, *const values = keys + N * D;
  float* const between = values + N * D;
  for (int64_t n = 0; n < N; ++n) {
    unpack_spikes(0, D, q + n * words, queries + n * D);
    unpack_spikes(0, D, k + n * words, keys + n * D);
    unpack_spikes(0, D, v + n * words, values + n * D);
  }
  for (int64_t at = 0; at < D; at += d) {
    if (order == AttentionOrder::kKeyValue) {
      multiply(d, N, d, keys + at, 1, D, values + at, D, between, d);
      multiply(N, d, d, queries + at, D, 1, between, d, y + at, D);
      continue;
    }
    float* const transposed = between + N * N;  // k', [d, N]
    for (int64_t n = 0; n < N; ++n) {
      for (int64_t c = 0; c < d; ++c) transposed[c * N + n] = keys[n * D + at + c];
    }
    multiply(N, d, N, queries + at, D, 1, transposed, N, between, N);
    multiply(N, N, d, between, N, 1, values + at, D, y + at, D);
  }
}

}  // namespace spikemix
#endif  // HWY_ONCE
