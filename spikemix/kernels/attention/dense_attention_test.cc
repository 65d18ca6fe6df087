// SPDX-License-Identifier: MIT
#include "spikemix/kernels/attention/dense_attention.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

TEST(DenseAttention, BothOrdersEqualTheDefinition) {
  std::mt19937 rng(1);
  for (const auto& [N, heads, d] : small_sizes<3>({5, 2, 9})) {
    const int64_t D = heads * d, words = spike_words(D);
    std::vector<std::vector<uint64_t>> bits(3, std::vector<uint64_t>(size_t(N * words)));
    for (auto& part : bits) {
      for (int64_t i = 0; i < N * D; ++i)
        part[size_t(i / D * words + i % D / 64)] |= uint64_t(rng() % 3 == 0) << (i % D % 64);
    }
    const auto bit = [&](int part, int64_t n, int64_t c) {
      return float(bits[size_t(part)][size_t(n * words + c / 64)] >> (c % 64) & 1);
    };
    std::vector<float> want(size_t(N * D));
    for (int64_t n = 0; n < N; ++n) {
      for (int64_t c = 0; c < D; ++c) {
        for (int64_t m = 0; m < N; ++m) {
          float score = 0;
          for (int64_t i = c / d * d; i < (c / d + 1) * d; ++i) score += bit(0, n, i) * bit(1, m, i);
          want[size_t(n * D + c)] += score * bit(2, m, c);
        }
      }
    }
    on_every_target([&] {
      for (const AttentionOrder order : {AttentionOrder::kQueryKey, AttentionOrder::kKeyValue}) {
        std::vector<float> y(want.size(), 99), scratch(size_t(dense_attention_floats(order, N, heads, d)), 99);
        dense_attention(order, N, heads, d, bits[0].data(), bits[1].data(), bits[2].data(), scratch.data(), y.data());
        ASSERT_EQ(y, want) << "N " << N << ", " << heads << " heads of " << d << ", order " << int(order);
      }
    });
  }
}

}  // namespace
}  // namespace spikemix
