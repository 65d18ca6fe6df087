// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/spike_product.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"

namespace spikemix {
namespace {

using testing::ElementsAreArray;

struct Sizes {
  int64_t rows, T, in, out;
};

// Bits [T, rows, words] with each of `in` inputs set at the given rate.
std::vector<uint64_t> random_bits(const Sizes& s, double rate, std::mt19937& rng) {
  const int64_t words = (s.in + 63) / 64;
  std::vector<uint64_t> bits(size_t(s.T * s.rows * words));
  std::bernoulli_distribution spike(rate);
  for (int64_t row = 0; row < s.T * s.rows; ++row) {
    for (int64_t i = 0; i < s.in; ++i) bits[size_t(row * words + i / 64)] |= uint64_t(spike(rng)) << (i % 64);
  }
  return bits;
}

TEST(SpikeLists, AddToTheResidualStream) {
  std::mt19937 rng(7);
  on_every_target([&] {
    const std::vector<uint64_t> bits = random_bits({3, 1, 128, 1}, 0.3, rng);
    std::vector<uint8_t> counts(3 * 128, 5), expected = counts;
    for (size_t i = 0; i < counts.size(); ++i) expected[i] = uint8_t(expected[i] + (bits[i / 64] >> (i % 64) & 1));
    add_spikes(3, 2, bits.data(), counts.data());
    EXPECT_EQ(counts, expected);
  });
}

// Entries of every list and plane, read back from the lists.
std::vector<std::vector<int>> entries(const SpikeLists& lists) {
  std::vector<std::vector<int>> all;
  for (int64_t i = 0; i < lists.count * lists.planes; ++i) {
    all.emplace_back(lists.index.get() + lists.begin[size_t(i)], lists.index.get() + lists.begin[size_t(i) + 1]);
    EXPECT_EQ(all.back().size() % kListMultiple, 0u);
    std::erase(all.back(), int(lists.inputs));
  }
  return all;
}

std::vector<int> positions(const uint64_t* bits, int64_t n) {
  std::vector<int> list;
  for (int64_t i = 0; i < n; ++i) {
    if (bits[i / 64] >> (i % 64) & 1) list.push_back(int(i));
  }
  return list;
}

TEST(SpikeLists, HoldThePositionsOfEverySpike) {
  std::mt19937 rng(1);
  on_every_target([&] {
    for (const double rate : {0.0, 0.03, 0.5, 1.0}) {
      const Sizes s = {5, 3, 200, 1};
      const std::vector<uint64_t> bits = random_bits(s, rate, rng);
      SpikeLists lists;
      lists.reserve(s.rows * s.T, s.rows * s.T * 256);
      lists_of_spikes(s.rows, s.T, s.in, bits.data(), s.rows * 4, lists);
      ASSERT_EQ(lists.count, s.rows * s.T);
      const auto all = entries(lists);
      for (int64_t r = 0; r < s.rows; ++r) {
        for (int64_t t = 0; t < s.T; ++t)
          EXPECT_THAT(all[size_t(r * s.T + t)], ElementsAreArray(positions(&bits[size_t((t * s.rows + r) * 4)], 256)));
      }
    }
  });
}

TEST(SpikeLists, HoldSmallIntegersAsBitPlanes) {
  std::mt19937 rng(2);
  on_every_target([&] {
    const int64_t rows = 3, T = 2, C = 128, planes = 3;
    std::vector<uint8_t> counts(size_t(rows * T * C));
    for (uint8_t& c : counts) c = uint8_t(std::max(0, int(rng() % 16) - 8));
    SpikeLists lists;
    lists.reserve(rows * T * planes, rows * T * planes * C);
    lists_of_counts(rows, T, C, counts.data(), rows * C, planes, lists);
    const auto all = entries(lists);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t t = 0; t < T; ++t) {
        std::vector<int> value(size_t(C), 0);
        for (int64_t p = 0; p < planes; ++p) {
          for (int& v : value) v *= 2;
          for (const int i : all[size_t((r * T + t) * planes + p)]) ++value[size_t(i)];
        }
        const auto row = counts.begin() + (t * rows + r) * C;
        EXPECT_THAT(value, ElementsAreArray(row, row + C));
      }
    }
  });
}

TEST(SpikeLists, HoldNeighbourhoods) {
  std::mt19937 rng(3);
  // The last one has more places in a row of pixels than 16 bits can number.
  const std::pair<int64_t, int64_t> widths_and_channels[] = {{5, 1}, {1, 7}, {5, 32}, {4, 64}, {5, 70}, {12, 7000}};
  on_every_target([&] {
    for (const auto& [W, C] : widths_and_channels) {
      const int64_t H = 4, T = 2, words = (C + 63) / 64;
      const std::vector<uint64_t> bits = random_bits({H * W, T, C, 1}, C > 100 ? 0.001 : 0.2, rng);
      std::vector<uint16_t> index(size_t(T * H * list_stride(W, C)));
      std::vector<uint32_t> begin(size_t(T * H * (W + 1)));
      list_pixels(T * H, W, C, bits.data(), index.data(), begin.data());
      SpikeLists lists;
      lists.reserve(H * W * T, H * W * T * 9 * C);
      const int64_t first = 2, rows = H * W - 3;
      lists_of_neighbours(first, rows, T, {H, W, C, index.data(), begin.data()}, lists);
      const auto all = entries(lists);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t t = 0; t < T; ++t) {
          std::vector<int> expected;
          for (int64_t k = 0; k < 9; ++k) {
            const int64_t y = (first + r) / W + k / 3 - 1, x = (first + r) % W + k % 3 - 1;
            if (y < 0 || y >= H || x < 0 || x >= W) continue;
            for (const int c : positions(&bits[size_t(((t * H + y) * W + x) * words)], C))
              expected.push_back(int(k * C) + c);
          }
          EXPECT_EQ(all[size_t(r * T + t)], expected) << W << " pixels of " << C;
        }
      }
    }
  });
}

TEST(SpikeLists, HoldNeighbourhoodsOfSmallIntegers) {
  std::mt19937 rng(8);
  on_every_target([&] {
    for (int64_t C = 1; C <= 70; C += C < 17 ? 1 : 53) {
      const int64_t H = 3, W = 1 + C % 5, T = 2, planes = 1 + C % 3, padded = (C + 63) / 64 * 64;
      std::vector<uint8_t> counts(size_t(T * H * W * padded));
      for (size_t i = 0; i < counts.size(); ++i) {
        if (int64_t(i) % padded < C && rng() % 3 == 0) counts[i] = uint8_t(rng() % (1u << planes));
      }
      std::vector<uint16_t> index(size_t(planes * T * H * list_stride(W, C)));
      std::vector<uint32_t> begin(size_t(planes * T * H * (W + 1)));
      list_pixels(0, 2, T * H, W, C, counts.data(), planes, index.data(), begin.data());
      list_pixels(2, T * H - 2, T * H, W, C, counts.data(), planes, index.data(), begin.data());
      SpikeLists lists;
      lists.reserve(H * W * T * planes, H * W * T * planes * 9 * C);
      lists_of_neighbours(0, H * W, T, {H, W, C, index.data(), begin.data(), planes}, lists);
      const auto all = entries(lists);
      ASSERT_EQ(int64_t(all.size()), H * W * T * planes);
      for (int64_t r = 0; r < H * W; ++r) {
        for (int64_t t = 0; t < T; ++t) {
          std::vector<int> value(size_t(9 * C), 0), expected(size_t(9 * C), 0);
          for (int64_t p = 0; p < planes; ++p) {
            for (int& v : value) v *= 2;
            for (const int i : all[size_t((r * T + t) * planes + p)]) ++value[size_t(i)];
          }
          for (int64_t k = 0; k < 9; ++k) {
            const int64_t y = r / W + k / 3 - 1, x = r % W + k % 3 - 1;
            for (int64_t c = 0; y >= 0 && y < H && x >= 0 && x < W && c < C; ++c)
              expected[size_t(k * C + c)] = counts[size_t(((t * H + y) * W + x) * padded + c)];
          }
          ASSERT_EQ(value, expected) << W << " pixels of " << C << " in " << planes << " planes";
        }
      }
    }
  });
}

TEST(SpikeLists, AddCounts) {
  std::vector<uint8_t> x(70, 3), counts(70, 4);
  on_every_target([&] {
    std::vector<uint8_t> sum = counts;
    add_counts(69, x.data(), sum.data());
    std::vector<uint8_t> expected(70, 7);
    expected[69] = 4;
    EXPECT_EQ(sum, expected);
  });
}

// Integer weights of at most `largest`, and the same as floats: sums of a few of them are exact in every type.
PackedWeights random_weights(WeightType type, const Sizes& s, int largest, std::mt19937& rng) {
  std::vector<int16_t> w(size_t(s.in * s.out));
  for (int16_t& v : w) v = int16_t(int(rng() % unsigned(2 * largest + 1)) - largest);
  PackedWeights packed = type == WeightType::kF32
                             ? pack_weights(s.out, s.in, std::vector<float>(w.begin(), w.end()).data())
                             : pack_weights(type, s.out, s.in, w.data());
  for (int64_t o = 0; o < s.out; ++o) {
    packed.scale[size_t(o)] = 1.0f / 64;
    packed.shift[size_t(o)] = float(int(rng() % 65) - 32) / 64;
  }
  return packed;
}

struct Output {
  std::vector<uint64_t> spikes;
  std::vector<uint8_t> counts;
  std::vector<float> potentials;
};

template <class Product>
Output run(const Product& product, const Sizes& s, const LifParams& lif, bool keep) {
  const int64_t words = (s.out + 63) / 64, stride = (s.out + 63) / 64 * 64;
  Output result{std::vector<uint64_t>(size_t(s.T * s.rows * words), 0x5555555555555555),
                std::vector<uint8_t>(size_t(lif.gives_bytes() ? 64 * s.T * s.rows * words : 0), 9),
                std::vector<float>(size_t(keep ? s.rows * stride : 0), 0.25f)};
  product(NeuronState{.lif = lif,
                      .T = s.T,
                      .potentials = keep ? result.potentials.data() : nullptr,
                      .potentials_stride = stride,
                      .spikes = result.spikes.data(),
                      .row_words = words,
                      .step_words = s.rows * words,
                      .counts = lif.gives_bytes() ? result.counts.data() : nullptr});
  // Values past the last output are undefined.
  for (int64_t r = 0; keep && r < s.rows; ++r)
    std::fill(result.potentials.begin() + r * stride + s.out, result.potentials.begin() + (r + 1) * stride, 0.0f);
  return result;
}

TEST(SpikeProduct, EqualsThePlainLoops) {
  std::mt19937 rng(4);
  const LifParams neurons[] = {{},
                               {.k = 1, .leak = 0, .v_threshold = 0.5f},
                               {.k = 0.25f, .v_threshold = 1, .v_reset = -0.5f},
                               {.hard_reset = false},
                               {.k = 1, .leak = 0.5f, .v_threshold = 0, .hard_reset = false, .levels = 4},
                               {.k = 1, .leak = 0, .v_threshold = 1, .v_negative = -0.5f}};
  const Sizes sizes[] = {{3, 4, 64, 128}, {2, 1, 33, 48}, {5, 2, 100, 10}, {1, 3, 432, 96}, {2, 2, 48, 300}};
  const std::pair<WeightType, int> types[] = {{WeightType::kF32, 100}, {WeightType::kU16, 8191}, {WeightType::kU16, 32},
                                              {WeightType::kU8, 127},  {WeightType::kU8, 63},    {WeightType::kU8, 31}};
  on_every_target([&] {
    for (const Sizes& s : sizes) {
      for (const auto& [type, largest] : types) {
        for (const double rate : {0.0, 0.1, 0.4, 1.0}) {
          SCOPED_TRACE(testing::Message() << s.in << " -> " << s.out << ", type " << int(type) << " up to " << largest
                                          << ", rate " << rate);
          const PackedWeights w = random_weights(type, s, largest, rng);
          const LifParams& lif = neurons[rng() % 6];
          const std::vector<uint64_t> bits = random_bits(s, rate, rng);
          SpikeLists lists;
          lists.reserve(s.rows * s.T, s.rows * s.T * s.in);
          lists_of_spikes(s.rows, s.T, s.in, bits.data(), s.rows * ((s.in + 63) / 64), lists);
          for (const bool keep : {false, true}) {
            const Output expected =
                run([&](const NeuronState& n) { spike_product_ref(w, lists, s.rows, n); }, s, lif, keep);
            const Output actual = run([&](const NeuronState& n) { spike_product(w, lists, s.rows, n); }, s, lif, keep);
            EXPECT_THAT(actual.spikes, ElementsAreArray(expected.spikes));
            EXPECT_THAT(actual.counts, ElementsAreArray(expected.counts));
            EXPECT_THAT(actual.potentials, ElementsAreArray(expected.potentials));
          }
        }
      }
    }
  });
}

TEST(SpikeProduct, EqualsThePlainLoopsAtSmallSizes) {
  std::mt19937 rng(9);
  const std::pair<WeightType, int> types[] = {
      {WeightType::kF32, 100}, {WeightType::kU16, 8191}, {WeightType::kU8, 127}};
  on_every_target([&] {
    for (const auto& [rows, T, in, out] : small_sizes<4>({3, 2, 5, 3})) {
      const Sizes s{rows, T, in, out};
      for (const auto& [type, largest] : types) {
        const PackedWeights w = random_weights(type, s, largest, rng);
        SpikeLists lists;
        lists.reserve(s.rows * s.T, s.rows * s.T * s.in);
        const std::vector<uint64_t> bits = random_bits(s, 0.4, rng);
        lists_of_spikes(s.rows, s.T, s.in, bits.data(), s.rows, lists);
        const LifParams lif = rows == 1   ? LifParams{}
                              : rows == 2 ? LifParams{.k = 1, .leak = 0, .v_threshold = 0, .levels = 3}
                                          : LifParams{.k = 1, .leak = 0, .v_negative = -0.25f};
        const Output want = run([&](const NeuronState& n) { spike_product_ref(w, lists, s.rows, n); }, s, lif, true);
        const Output got = run([&](const NeuronState& n) { spike_product(w, lists, s.rows, n); }, s, lif, true);
        ASSERT_EQ(got.counts, want.counts) << rows << " x " << T << " of " << in << " -> " << out;
        ASSERT_EQ(got.spikes, want.spikes) << rows << " x " << T << " of " << in << " -> " << out;
        ASSERT_EQ(got.potentials, want.potentials) << rows << " x " << T << " of " << in << " -> " << out;
      }
    }
  });
}

// Neurons alone write counts up to the row's end, whatever was there before.
TEST(NeuronSpikes, CountsAtEveryWidth) {
  std::mt19937 rng(11);
  on_every_target([&] {
    for (const LifParams& lif : {LifParams{.k = 1, .leak = 0.5f, .v_threshold = 0, .hard_reset = false, .levels = 4},
                                 LifParams{.k = 1, .leak = 0, .v_negative = -0.5f}, LifParams{}}) {
      for (int64_t out = 1; out <= 130; ++out) {
        const Sizes s{2, 2, 1, out};
        PackedWeights norm = identity_norm(out);
        for (int64_t o = 0; o < out; ++o) norm.shift[size_t(o)] = float(int(rng() % 64)) / 64;
        std::vector<float> y(size_t(s.T * s.rows * out) + 16);
        for (float& v : y) v = float(int(rng() % 513) - 256) / 64;
        const Output got = run(
            [&](const NeuronState& n) { neuron_spikes(norm, y.data(), s.rows, s.rows * out, out, n); }, s, lif, false);
        const int64_t words = (out + 63) / 64;
        for (int64_t r = 0; r < s.rows; ++r) {
          float v = 0;
          for (int64_t o = 0; o < 64 * words; ++o) {
            v = 0;
            for (int64_t t = 0; t < s.T; ++t) {
              const int64_t at = t * s.rows + r;
              const float z = o < out ? y[size_t(at * out + o)] + norm.shift[size_t(o)] : 0;
              const float h = v + lif.k * (z - lif.leak * v);
              float fired = h >= lif.v_threshold;
              if (lif.levels > 0) fired = std::floor(std::clamp(h, 0.0f, float(lif.levels)) + 0.5f);
              if (lif.is_signed() && h <= lif.v_negative) fired = -1;
              if (o >= out) fired = 0;
              v = lif.levels > 0 ? h - fired : fired != 0 ? 0 : h;
              const float given = lif.gives_bytes() ? float(int8_t(got.counts[size_t(at * 64 * words + o)]))
                                                    : float(got.spikes[size_t(at * words + o / 64)] >> (o % 64) & 1);
              ASSERT_EQ(given, fired) << "levels " << lif.levels << ", output " << o << " of " << out;
            }
          }
        }
      }
    }
  });
}

// A stream of potentials before a layer: multiples of the sums' own units, so that sums are exact.
std::vector<float> random_stream(int64_t values, std::mt19937& rng) {
  std::vector<float> stream(size_t(values) + 16);  // vectors read past the last row
  for (float& v : stream) v = float(int(rng() % 513) - 256) / 64;
  return stream;
}

// Potentials instead of spikes: alone, added to another value, and in place.
template <class Kernel, class Reference>
void compare_potentials(const Sizes& s, std::mt19937& rng, const Kernel& kernel, const Reference& reference) {
  const std::vector<float> stream = random_stream(s.T * s.rows * s.out, rng);
  for (const int64_t added : {0, 1, 2, 3}) {
    std::vector<float> want(stream.size(), 7), got = want;
    if (added == 2) want = got = stream;
    const auto out = [&](std::vector<float>& y) {
      const float* const to = added == 0 ? nullptr : added == 2 ? y.data() : stream.data();
      return Potentials{.T = s.T,
                        .values = y.data(),
                        .step = s.rows * s.out,
                        .stride = s.out,
                        .added_to = to,
                        .added_step = added == 3 ? 0 : s.rows * s.out};
    };
    reference(out(want));
    kernel(out(got));
    ASSERT_EQ(got, want) << s.rows << " x " << s.T << " of " << s.in << " -> " << s.out << ", added " << added;
  }
}

TEST(SpikePotentials, EqualThePlainLoops) {
  std::mt19937 rng(10);
  const std::pair<WeightType, int> types[] = {
      {WeightType::kF32, 100}, {WeightType::kU16, 8191}, {WeightType::kU8, 127}, {WeightType::kU8, 31}};
  std::vector<Sizes> sizes = {{3, 4, 64, 128}, {2, 1, 33, 48}, {5, 2, 100, 10}, {2, 2, 48, 300}};
  for (const auto& [rows, T, in, out] : small_sizes<4>({3, 2, 5, 3})) sizes.push_back({rows, T, in, out});
  on_every_target([&] {
    for (const Sizes& s : sizes) {
      const auto& [type, largest] = types[rng() % 4];
      const PackedWeights w = random_weights(type, s, largest, rng);
      const std::vector<uint64_t> bits = random_bits(s, 0.3, rng);
      SpikeLists lists;
      lists.reserve(s.rows * s.T, s.rows * s.T * s.in);
      lists_of_spikes(s.rows, s.T, s.in, bits.data(), s.rows * ((s.in + 63) / 64), lists);
      compare_potentials(
          s, rng, [&](const Potentials& p) { spike_potentials(w, lists, s.rows, p); },
          [&](const Potentials& p) { spike_potentials_ref(w, lists, s.rows, p); });
      if (HasFatalFailure()) return;
    }
  });
}

TEST(SpikePotentials, OfDenseInputsAndOfNormsAlone) {
  std::mt19937 rng(11);
  on_every_target([&] {
    for (const auto& [rows, T, in, out] : small_sizes<4>({3, 2, 5, 20})) {
      const Sizes s{rows, 1, in, out};
      const PackedWeights w = random_weights(WeightType::kF32, s, 20, rng);
      std::vector<float> x(size_t(rows * in));
      for (float& v : x) v = float(int(rng() % 17) - 8);
      const auto plain = [&](const Potentials& p) {
        for (int64_t r = 0; r < rows; ++r) {
          for (const WeightPanel& panel : w.panels) {
            const auto* data = reinterpret_cast<const float*>(w.data.get() + panel.offset);
            for (int64_t o = 0; o < panel.count; ++o) {
              float y = 0;
              for (int64_t i = 0; i < in; ++i) y += data[i * panel.width + o] * x[size_t(r * in + i)];
              const int64_t output = panel.first + o, at = r * out + output;
              const float z = w.scale[size_t(output)] * y + w.shift[size_t(output)];
              p.values[at] = p.added_to ? p.added_to[at] + z : z;
            }
          }
        }
      };
      compare_potentials(
          s, rng, [&](const Potentials& p) { dense_potentials(w, token_windows(x.data(), in, in), 0, rows, p); },
          plain);
      if (HasFatalFailure()) return;

      const Sizes whole{rows, T, 0, out};
      PackedWeights norm = identity_norm(out);
      for (int64_t o = 0; o < out; ++o)
        norm.scale[size_t(o)] = w.scale[size_t(o)], norm.shift[size_t(o)] = w.shift[size_t(o)];
      const std::vector<float> y = random_stream(T * rows * out, rng);
      compare_potentials(
          whole, rng, [&](const Potentials& p) { norm_potentials(norm, y.data(), rows, rows * out, out, p); },
          [&](const Potentials& p) {
            for (int64_t i = 0; i < T * rows * out; ++i) {
              const auto o = size_t(i % out);
              const float z = norm.scale[o] * y[size_t(i)] + norm.shift[o];
              p.values[i] = p.added_to ? p.added_to[i / (rows * out) * p.added_step + i % (rows * out)] + z : z;
            }
          });
      if (HasFatalFailure()) return;
    }
  });
}

TEST(SpikeProduct, TakesSmallIntegers) {
  std::mt19937 rng(5);
  const Sizes s = {4, 2, 128, 80};
  const int64_t planes = 3;
  std::vector<uint8_t> counts(size_t(s.rows * s.T * s.in));
  for (uint8_t& c : counts) c = uint8_t(rng() % 8 * (rng() % 4 == 0));
  SpikeLists lists;
  lists.reserve(s.rows * s.T * planes, s.rows * s.T * planes * s.in);
  lists_of_counts(s.rows, s.T, s.in, counts.data(), s.rows * s.in, planes, lists);
  on_every_target([&] {
    for (const WeightType type : {WeightType::kF32, WeightType::kU16, WeightType::kU8}) {
      const PackedWeights w = random_weights(type, s, 31, rng);
      const Output expected = run([&](const NeuronState& n) { spike_product_ref(w, lists, s.rows, n); }, s, {}, true);
      const Output actual = run([&](const NeuronState& n) { spike_product(w, lists, s.rows, n); }, s, {}, true);
      EXPECT_THAT(actual.spikes, ElementsAreArray(expected.spikes));
      EXPECT_THAT(actual.potentials, ElementsAreArray(expected.potentials));
    }
  });
}

// Real inputs that happen to be 0 and 1 give the sums of spikes, the same at every step.
TEST(DenseProduct, EqualsTheSumsOfSpikes) {
  std::mt19937 rng(6);
  const Sizes s = {6, 3, 27, 48};
  const std::vector<uint64_t> bits = random_bits({s.rows, 1, s.in, s.out}, 0.3, rng);
  std::vector<float> x(size_t(s.rows * s.in));
  for (size_t i = 0; i < x.size(); ++i) x[i] = float(bits[i / size_t(s.in)] >> (i % size_t(s.in)) & 1);
  SpikeLists lists;
  lists.reserve(s.rows * s.T, s.rows * s.T * s.in);
  lists_of_spikes(s.rows, s.T, s.in, bits.data(), 0, lists);
  on_every_target([&] {
    const PackedWeights w = random_weights(WeightType::kF32, s, 20, rng);
    const Output expected = run([&](const NeuronState& n) { spike_product_ref(w, lists, s.rows, n); }, s, {}, true);
    const Output actual =
        run([&](const NeuronState& n) { dense_product(w, token_windows(x.data(), s.in, s.in), 0, s.rows, n); }, s, {},
            true);
    EXPECT_THAT(actual.spikes, ElementsAreArray(expected.spikes));
    EXPECT_THAT(actual.potentials, ElementsAreArray(expected.potentials));
  });
}

// Windows of a picture, read where they lie, give the sums of the same windows written out.
TEST(DenseProduct, ReadsWindowsInPlace) {
  std::mt19937 rng(12);
  on_every_target([&] {
    for (int64_t n = 1; n <= kLargestSmallSize; ++n) {
      const int64_t kernel = 1 + n % 4, stride = 1 + n % 3, width = n, height = 1 + n % 5, C = 1 + n % 6;
      const int64_t line = (stride * (width - 1) + kernel) * C, lines = stride * (height - 1) + kernel;
      const Sizes s{width * height, 1, kernel * kernel * C, 4 * n};
      std::vector<float> picture(size_t(lines * line)), gathered;
      for (float& v : picture) v = float(int(rng() % 17) - 8);
      for (int64_t row = 0; row < s.rows; ++row) {
        for (int64_t run = 0; run < kernel; ++run) {
          const float* const x = picture.data() + (row / width * stride + run) * line + row % width * stride * C;
          gathered.insert(gathered.end(), x, x + kernel * C);
        }
      }
      const Windows<float> windows{.values = picture.data(),
                                   .run = kernel * C,
                                   .runs = kernel,
                                   .run_step = line,
                                   .width = width,
                                   .step = stride * C,
                                   .line = stride * line};
      const PackedWeights w = random_weights(WeightType::kF32, s, 20, rng);
      const int64_t first = s.rows / 3, rows = s.rows - first;
      std::vector<float> want(size_t(rows * s.out), 7), got = want;
      dense_potentials(w, token_windows<float>(gathered.data(), s.in, s.in), first, rows,
                       {.values = want.data(), .stride = s.out});
      dense_potentials(w, windows, first, rows, {.values = got.data(), .stride = s.out});
      ASSERT_EQ(got, want) << n;
    }
  });
}

TEST(PackedWeights, ProvesThatSumsFitInt16) {
  const std::vector<int16_t> w = {100, 100, -100, 50, 60, 70};
  EXPECT_EQ(first_overflow(2, 3, w.data(), 0, 1), -1);
  EXPECT_EQ(first_overflow(2, 3, w.data(), 0, 163), -1);  // 200 x 163 = 32,600
  EXPECT_EQ(first_overflow(2, 3, w.data(), 0, 164), 0);   // 200 x 164 = 32,800
  EXPECT_EQ(first_overflow(1, 3, w.data() + 3, 0, 182), -1);
  EXPECT_EQ(first_overflow(1, 3, w.data() + 3, 0, 183), 0);
  // Inputs of both signs: 200 x 109 + 100 x 109 = 32,700.
  EXPECT_EQ(first_overflow(1, 3, w.data(), -109, 109), -1);
  EXPECT_EQ(first_overflow(1, 3, w.data(), -110, 110), 0);
}

TEST(PackedWeights, EachPanelIsAsNarrowAsItsWeightsAllow) {
  std::vector<int16_t> w(192 * 2, 31);
  w[191 * 2] = -63;
  const PackedWeights packed = pack_weights(WeightType::kU8, 192, 2, w.data());
  ASSERT_EQ(packed.panels.size(), 3u);
  EXPECT_EQ(packed.panels[0].rows, 4);
  EXPECT_EQ(packed.panels[2].rows, 2);
  w[0] = 64;
  EXPECT_EQ(pack_weights(WeightType::kU8, 192, 2, w.data()).panels[0].rows, 1);
}

}  // namespace
}  // namespace spikemix
