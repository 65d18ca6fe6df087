// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/byte_product.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

struct ByteSizes {
  int64_t height, width, T, C, out, taps;

  int64_t rows() const { return height * width; }
  int64_t in() const { return taps * C; }
};

std::ostream& operator<<(std::ostream& out, const ByteSizes& s) {
  return out << s.height << " x " << s.width << " x " << s.T << " of " << s.taps << " x " << s.C << " -> " << s.out;
}

// Counts [T, rows, C rounded up to 64], half of them 0.
std::vector<uint8_t> random_counts(const ByteSizes& s, int largest, std::mt19937& rng) {
  const int64_t padded = 64 * spike_words(s.C);
  std::vector<uint8_t> counts(size_t(s.T * s.rows() * padded));
  for (int64_t row = 0; row < s.T * s.rows(); ++row) {
    for (int64_t c = 0; c < s.C; ++c) {
      if (rng() % 2) counts[size_t(row * padded + c)] = uint8_t(rng() % unsigned(largest + 1));
    }
  }
  return counts;
}

// Sums fit 16 bits, as the loader proves.
PackedWeights byte_weights(const ByteSizes& s, int largest_count, std::mt19937& rng) {
  const auto largest = int(std::min<int64_t>(127, INT16_MAX / (s.in() * largest_count)));
  std::vector<int16_t> w(size_t(s.out * s.in()));
  for (int16_t& v : w) v = int16_t(int(rng() % unsigned(2 * largest + 1)) - largest);
  PackedWeights packed = pack_weights(WeightType::kU8, s.out, s.in(), w.data());
  for (int64_t o = 0; o < s.out; ++o) {
    packed.scale[size_t(o)] = 1.0f / 64;
    packed.shift[size_t(o)] = float(int(rng() % 65) - 32) / 64;
  }
  add_dense_weights(packed, s.C);
  return packed;
}

// The definition: every window of the counts, written out and listed.
SpikeLists lists_of(const ByteSizes& s, const std::vector<uint8_t>& counts, int64_t first, int64_t rows) {
  const int64_t padded = 64 * spike_words(s.C), in = 64 * spike_words(s.in());
  std::vector<uint8_t> windows(size_t(s.T * rows * in));
  for (int64_t t = 0; t < s.T; ++t) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t tap = 0; tap < s.taps; ++tap) {
        const int64_t y = (first + r) / s.width + (s.taps == 9 ? tap / 3 - 1 : 0);
        const int64_t x = (first + r) % s.width + (s.taps == 9 ? tap % 3 - 1 : 0);
        if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
        std::copy_n(counts.begin() + ((t * s.height + y) * s.width + x) * padded, s.C,
                    windows.begin() + (t * rows + r) * in + tap * s.C);
      }
    }
  }
  SpikeLists lists;
  lists.reserve(7 * rows * s.T, 7 * rows * s.T * in);
  lists_of_counts(rows, s.T, s.in(), windows.data(), rows * in, 7, lists);
  return lists;
}

// The same inputs as byte_product() reads them: tokens, or an image with a border of zeros.
struct Bytes {
  std::vector<uint8_t> values;
  Windows<uint8_t> windows;
  int64_t step;

  Bytes(const ByteSizes& s, const std::vector<uint8_t>& counts) {
    const int64_t padded = 64 * spike_words(s.C), pixel = byte_stride(s.C);
    if (s.taps == 1) {
      values = counts;
      windows = token_windows<uint8_t>(values.data(), pixel, padded);
      step = s.rows() * padded;
      return;
    }
    const int64_t line = (s.width + 2) * pixel;
    step = (s.height + 2) * line;
    values.resize(size_t(s.T * step + 64));
    for (int64_t t = 0; t < s.T; ++t) {
      for (int64_t y = 0; y < s.height; ++y) {
        uint8_t* const out = values.data() + t * step + (y + 1) * line + pixel;
        bytes_of_counts(s.width, s.C, pixel, counts.data() + (t * s.height + y) * s.width * padded, out);
        std::fill(out + s.width * pixel, out + s.width * pixel + 64, uint8_t{0});
      }
    }
    windows = {.values = values.data(),
               .run = 3 * pixel,
               .runs = 3,
               .run_step = line,
               .width = s.width,
               .step = pixel,
               .line = line};
  }
};

// Both ways, for the rows from `first` on: neurons with and without potentials from before, and potentials alone.
void compare(const ByteSizes& s, const PackedWeights& w, const std::vector<uint8_t>& counts, int64_t first) {
  const int64_t rows = s.rows() - first, words = spike_words(s.out);
  const SpikeLists lists = lists_of(s, counts, first, rows);
  const Bytes bytes(s, counts);
  const LifParams neurons[] = {{},
                               {.k = 1, .leak = 0.5f, .v_threshold = 0, .hard_reset = false, .levels = 4},
                               {.k = 1, .leak = 0, .v_threshold = 1, .v_negative = -0.5f}};
  for (const LifParams& lif : neurons) {
    for (const bool keeps : {false, true}) {
      struct Output {
        std::vector<uint64_t> spikes;
        std::vector<uint8_t> counts;
        std::vector<float> potentials;
      };
      const auto run = [&](const auto& product) {
        Output out{std::vector<uint64_t>(size_t(s.T * rows * words), 0x55),
                   std::vector<uint8_t>(size_t(64 * s.T * rows * words), 9),
                   std::vector<float>(size_t(64 * rows * words), 0.25f)};
        product(NeuronState{.lif = lif,
                            .T = s.T,
                            .potentials = keeps ? out.potentials.data() : nullptr,
                            .potentials_stride = 64 * words,
                            .spikes = lif.gives_bytes() ? nullptr : out.spikes.data(),
                            .row_words = words,
                            .step_words = rows * words,
                            .counts = lif.gives_bytes() ? out.counts.data() : nullptr});
        // Potentials past the last output are undefined.
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t o = s.out; o < 64 * words; ++o) out.potentials[size_t(64 * r * words + o)] = 0;
        }
        return out;
      };
      const Output want = run([&](const NeuronState& n) { spike_product_ref(w, lists, rows, n); });
      const Output got = run([&](const NeuronState& n) { byte_product(w, bytes.windows, bytes.step, first, rows, n); });
      ASSERT_EQ(got.spikes, want.spikes) << s << ", from row " << first << ", levels " << lif.levels;
      ASSERT_EQ(got.counts, want.counts) << s << ", from row " << first << ", levels " << lif.levels;
      ASSERT_EQ(got.potentials, want.potentials) << s << ", from row " << first << ", levels " << lif.levels;
    }
  }
  std::vector<float> stream(size_t(s.T * rows * s.out + 16));
  for (size_t i = 0; i < stream.size(); ++i) stream[i] = float(int(i % 129) - 64) / 64;
  for (const bool adds : {false, true}) {
    std::vector<float> want(stream.size(), 7), got = want;
    const auto out = [&](std::vector<float>& y) {
      return Potentials{.T = s.T,
                        .values = y.data(),
                        .step = rows * s.out,
                        .stride = s.out,
                        .added_to = adds ? stream.data() : nullptr,
                        .added_step = rows * s.out};
    };
    spike_potentials_ref(w, lists, rows, out(want));
    byte_potentials(w, bytes.windows, bytes.step, first, rows, out(got));
    ASSERT_EQ(got, want) << s << ", from row " << first;
  }
}

TEST(ByteProduct, HasTheBitsOfListsAtSmallSizes) {
  std::mt19937 rng(1);
  on_every_target([&] {
    for (const auto& [rows, T, in, out] : small_sizes<4>({3, 2, 5, 3})) {
      const ByteSizes s{1, rows, T, in, out, 1};
      compare(s, byte_weights(s, 15, rng), random_counts(s, 15, rng), 0);
      if (HasFatalFailure()) return;
    }
  });
}

TEST(ByteProduct, HasTheBitsOfListsInPanelsOfEveryWidth) {
  std::mt19937 rng(2);
  on_every_target([&] {
    for (const int64_t out : {15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 95, 112, 127, 129, 200}) {
      for (const int64_t T : {1, 3}) {
        const ByteSizes s{1, 7, T, 70, out, 1};
        compare(s, byte_weights(s, 4, rng), random_counts(s, 4, rng), 2);
        if (HasFatalFailure()) return;
      }
    }
  });
}

TEST(ByteProduct, HasTheBitsOfListsAroundPixels) {
  std::mt19937 rng(3);
  on_every_target([&] {
    for (int64_t n = 1; n <= kLargestSmallSize; ++n) {
      const ByteSizes s{1 + n % 4, n, 1 + n % 3, 18 - n, 3 * n, 9};
      for (const int64_t first : {int64_t{0}, s.rows() / 2}) {
        compare(s, byte_weights(s, 4, rng), random_counts(s, 4, rng), first);
        if (HasFatalFailure()) return;
      }
    }
    const ByteSizes wide{3, 5, 1, 130, 96, 9};
    compare(wide, byte_weights(wide, 4, rng), random_counts(wide, 4, rng), 3);
  });
}

// Parts of a sum wrap around in 16 bits, and the largest products must not saturate.
TEST(ByteProduct, IsExactAtTheEndsOfTheRange) {
  on_every_target([&] {
    const ByteSizes s{1, 2, 1, 32, 2, 1};
    std::vector<int16_t> w(size_t(s.out * s.in()));
    for (int64_t i = 0; i < s.in(); ++i) w[size_t(i)] = int16_t(i % 4 < 2 ? 127 : -127), w[size_t(s.in() + i)] = 0;
    w[size_t(s.in())] = w[size_t(s.in() + 1)] = -127;
    ASSERT_EQ(first_overflow(1, 2, &w[size_t(s.in())], 0, kLargestByte), -1);
    PackedWeights packed = pack_weights(WeightType::kU8, s.out, s.in(), w.data());
    add_dense_weights(packed, s.C);
    std::vector<uint8_t> counts(size_t(2 * 64));
    std::fill_n(counts.begin(), s.C, uint8_t(kLargestByte));
    const Bytes bytes(s, counts);
    std::vector<float> y(4 + 16, 7);
    byte_potentials(packed, bytes.windows, bytes.step, 0, 2, {.values = y.data(), .step = 4, .stride = 2});
    EXPECT_EQ((std::vector<float>(y.begin(), y.begin() + 4)), (std::vector<float>{0, -127 * 127 * 2, 0, 0}));
  });
}

TEST(ByteProduct, BytesOfSpikesAndCounts) {
  std::mt19937 rng(5);
  on_every_target([&] {
    for (const int64_t C : {1, 3, 8, 15, 16, 17, 63, 64, 65, 130}) {
      const int64_t rows = 5, words = spike_words(C), stride = byte_stride(C);
      std::vector<uint64_t> bits(size_t(rows * words));
      std::vector<uint8_t> counts(size_t(rows * 64 * words));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < C; ++c) {
          bits[size_t(r * words + c / 64)] |= uint64_t(rng() % 2) << (c % 64);
          counts[size_t(r * 64 * words + c)] = uint8_t(rng() % 128);
        }
      }
      std::vector<uint8_t> spikes(size_t(rows * stride + 64), 9), bytes = spikes;
      bytes_of_spikes(rows, C, stride, bits.data(), spikes.data());
      bytes_of_counts(rows, C, stride, counts.data(), bytes.data());
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < stride; ++c) {
          const auto at = size_t(r * stride + c);
          ASSERT_EQ(spikes[at], c < C ? bits[size_t(r * words + c / 64)] >> (c % 64) & 1 : 0) << C << ", " << c;
          ASSERT_EQ(bytes[at], c < C ? counts[size_t(r * 64 * words + c)] : 0) << C << ", " << c;
        }
      }
    }
  });
}

TEST(ByteProduct, PaysSoonerWithFewOutputs) {
  on_every_target([&] {
    const double few = byte_product_density(16), many = byte_product_density(4096);
    EXPECT_TRUE(std::isinf(few) ? std::isinf(many) : 0 < few && few < many && many < 1) << few << ", " << many;
  });
}

}  // namespace
}  // namespace spikemix
