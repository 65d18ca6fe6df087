#include "spikemix/engine/attention.h"

#include <algorithm>
#include <bit>

namespace spikemix {
namespace {

// body(i) for each set bit of the channels [first, first + d) of a row.
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

}  // namespace spikemix
