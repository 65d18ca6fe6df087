// SPDX-License-Identifier: MIT
#include "spikemix/engine/attention.h"

#include <algorithm>
#include <bit>

#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

// body(i) for each bit that is set among the channels [first, first + d) of a row.
template <class Body>
void for_spikes(const uint64_t* row, int64_t first, int64_t d, const Body& body) {
  for (int64_t done = 0; done < d;) {
    const int64_t bit = (first + done) % 64, n = std::min(64 - bit, d - done);
    uint64_t word = row[(first + done) / 64] >> bit;
    if (n < 64) word &= (uint64_t{1} << n) - 1;
    for (; word; word &= word - 1) body(done + std::countr_zero(word));
    done += n;
  }
}

// body(word, mask) for each word that holds some of the channels [first, first + d) of a row.
template <class Body>
void for_words(int64_t first, int64_t d, const Body& body) {
  for (int64_t done = 0; done < d;) {
    const int64_t bit = (first + done) % 64, n = std::min(64 - bit, d - done);
    const uint64_t ones = n < 64 ? (uint64_t{1} << n) - 1 : ~uint64_t{0};
    body((first + done) / 64, ones << bit);
    done += n;
  }
}

}  // namespace

void attend(int64_t N, int64_t heads, int64_t d, int64_t begin, int64_t end, const uint64_t* q, const uint64_t* k,
            const uint64_t* v, Workspace::Member& member, float* y) {
  const int64_t D = heads * d, words = spike_words(D);
  int32_t* const key_value = member.key_value.data();
  int32_t* const sum = member.attended.data();
  for (int64_t head = begin; head < end; ++head) {
    const int64_t first = head * d;
    std::fill_n(key_value, d * d, 0);
    for (int64_t m = 0; m < N; ++m) {
      for_spikes(k + m * words, first, d,
                 [&](int64_t i) { for_spikes(v + m * words, first, d, [&](int64_t c) { ++key_value[i * d + c]; }); });
    }
    for (int64_t n = 0; n < N; ++n) {
      std::fill_n(sum, d, 0);
      for_spikes(q + n * words, first, d, [&](int64_t i) {
        const int32_t* row = key_value + i * d;
        for (int64_t c = 0; c < d; ++c) sum[c] += row[c];
      });
      float* out = y + n * D + first;
      for (int64_t c = 0; c < d; ++c) out[c] = float(sum[c]);
    }
  }
}

void sum_heads(int64_t N, int64_t heads, int64_t d, const uint64_t* q, float* y) {
  const int64_t words = spike_words(heads * d);
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t head = 0; head < heads; ++head) {
      int64_t sum = 0;
      for_words(head * d, d, [&](int64_t word, uint64_t mask) { sum += std::popcount(q[n * words + word] & mask); });
      y[n * heads + head] = float(sum);
    }
  }
}

void sum_tokens(int64_t N, int64_t channels, int64_t begin, int64_t end, const uint64_t* q, const uint64_t* k,
                Workspace::Member& member, float* y) {
  const int64_t words = spike_words(channels), first = 64 * begin, last = std::min(channels, 64 * end);
  int32_t* const sum = member.attended.data();
  std::fill(sum + first, sum + std::max(first, last), 0);
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t i = begin; i < end; ++i) {
      uint64_t word = q[n * words + i];
      if (k) word &= k[n * words + i];
      for (; word; word &= word - 1) ++sum[64 * i + std::countr_zero(word)];
    }
  }
  for (int64_t c = first; c < last; ++c) y[c] = float(sum[c]);
}

void gate_heads(int64_t N, int64_t heads, int64_t d, const uint64_t* gates, const uint64_t* k, uint64_t* y) {
  const int64_t words = spike_words(heads * d), gate_words = spike_words(heads);
  for (int64_t n = 0; n < N; ++n) {
    std::fill_n(y + n * words, words, uint64_t{0});
    for (int64_t head = 0; head < heads; ++head) {
      if (!(gates[n * gate_words + head / 64] >> (head % 64) & 1)) continue;
      for_words(head * d, d, [&](int64_t word, uint64_t mask) { y[n * words + word] |= k[n * words + word] & mask; });
    }
  }
}

void gate_channels(int64_t N, int64_t channels, const uint64_t* gates, const uint64_t* k, uint64_t* y) {
  const int64_t words = spike_words(channels);
  for (int64_t n = 0; n < N; ++n) {
    for (int64_t i = 0; i < words; ++i) y[n * words + i] = k[n * words + i] & gates[i];
  }
}

}  // namespace spikemix
