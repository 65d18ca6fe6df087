// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spikes/spikes.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"

namespace spikemix {
namespace {

constexpr int64_t kSizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 63, 64, 65, 200};

template <class X>
void check_spikes(int64_t n) {
  std::mt19937 rng(1);
  std::vector<X> x;
  std::vector<uint64_t> want(size_t(spike_words(n)), 0);
  for (int64_t i = 0; i < n; ++i) {
    const bool spike = rng() % 3 == 0;
    x.push_back(X(float(spike)));
    want[size_t(i / 64)] |= uint64_t(spike) << i % 64;
  }
  on_every_target([&] {
    std::vector<uint64_t> words(want.size(), ~uint64_t{0});
    pack_spikes(0, n, x.data(), words.data());
    ASSERT_EQ(words, want) << "n=" << n;
    std::vector<X> back(x.size(), X(-1.0f));
    unpack_spikes(0, n, words.data(), back.data());
    for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(float(back[i]), float(x[i])) << "n=" << n << " i=" << i;
  });
}

template <class X>
void check_counts(int64_t n) {
  std::vector<X> x;
  for (int64_t i = 0; i < n; ++i) x.push_back(X(float(i * 37 % 256)));
  on_every_target([&] {
    std::vector<uint8_t> bytes(x.size(), 99);
    pack_counts(0, n, x.data(), bytes.data());
    std::vector<X> back(x.size(), X(-1.0f));
    unpack_counts(0, n, bytes.data(), back.data());
    for (int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(bytes[size_t(i)], i * 37 % 256) << "n=" << n;
      ASSERT_EQ(float(back[size_t(i)]), float(x[size_t(i)])) << "n=" << n;
    }
  });
}

TEST(Spikes, AreOneBitEachOnEveryTarget) {
  for (const int64_t n : kSizes) check_spikes<float>(n), check_spikes<Bfloat16>(n);
}

TEST(Spikes, OfSomeChannelsFormASeparateRow) {
  std::mt19937_64 rng(3);
  std::vector<uint64_t> row(4);
  for (uint64_t& word : row) word = rng();
  for (const int64_t n : kSizes) {
    for (int64_t first = 0; first + n <= 256; ++first) {
      std::vector<uint64_t> out(size_t(spike_words(n)), ~uint64_t{0});
      take_spikes(first, n, row.data(), out.data());
      for (int64_t i = 0; i < 64 * spike_words(n); ++i) {
        const uint64_t want = i < n ? row[size_t((first + i) / 64)] >> (first + i) % 64 & 1 : 0;
        ASSERT_EQ(out[size_t(i / 64)] >> i % 64 & 1, want) << "n=" << n << " first=" << first << " i=" << i;
      }
    }
  }
}

TEST(Spikes, AreCountedOnEveryTarget) {
  std::mt19937_64 rng(2);
  std::vector<uint64_t> words(37);
  for (uint64_t& word : words) word = rng();
  int64_t want = 0;
  for (size_t i = 0; i < 64 * words.size(); ++i) want += int64_t(words[i / 64] >> i % 64 & 1);
  on_every_target([&] { EXPECT_EQ(count_ones(int64_t(words.size()), words.data()), want); });
}

TEST(Counts, AreOneByteEachOnEveryTarget) {
  for (const int64_t n : kSizes) check_counts<float>(n), check_counts<Bfloat16>(n);
}

TEST(Counts, AreAddedUpOnEveryTarget) {
  for (const int64_t words : {0, 1, 7, 127, 128, 129, 1000}) {
    for (const int64_t step : {1, 3}) {
      std::vector<uint64_t> counts(size_t(words), 0);
      auto* bytes = reinterpret_cast<uint8_t*>(counts.data());
      CountTotals want;
      for (int64_t i = 0; i < 8 * words; i += step) {
        bytes[i] = step == 1 ? 255 : uint8_t(i * 37);  // the largest that sums must handle; all values, and zeros
        want.sum += bytes[i], want.not_zero += bytes[i] != 0;
      }
      on_every_target([&] {
        const CountTotals totals = count_totals(words, counts.data());
        EXPECT_EQ(totals.sum, want.sum) << words;
        EXPECT_EQ(totals.not_zero, want.not_zero) << words;
      });
    }
  }
}

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(Bfloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(Bfloat16(1.0f + 0x1p-8f).bits, 0x3f80);             // a tie, to even
  EXPECT_EQ(Bfloat16(1.0f + 0x1p-7f + 0x1p-8f).bits, 0x3f82);   // a tie, to even
  EXPECT_EQ(Bfloat16(1.0f + 0x1p-8f + 0x1p-20f).bits, 0x3f81);  // above the tie
  for (int count = 0; count <= 256; ++count) EXPECT_EQ(float(Bfloat16(float(count))), float(count));
}

}  // namespace
}  // namespace spikemix
