// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/weight_gradient.h"

#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spike_product/matrix_panel.h"
#include "spikemix/kernels/spike_product/row_blocks.h"
#include "spikemix/kernels/spike_product/spike_sums.h"
#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/sizes_test.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

// Inputs of a map, [rows, C]: values below 2^planes, as floats, as bytes and (if they are 0 or 1) as bits.
struct Inputs {
  int64_t rows, C, planes;
  std::vector<float> values;
  std::vector<uint8_t> counts;
  std::vector<uint64_t> bits;

  Inputs(int64_t rows_, int64_t C_, int64_t planes_, std::mt19937& rng)
      : rows(rows_),
        C(C_),
        planes(planes_),
        values(size_t(rows * C)),
        counts(size_t(rows * words() * 64)),
        bits(size_t(rows * words())) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < C; ++c) {
        const auto value = uint8_t(rng() % 5 == 0 ? 1 + rng() % ((1u << planes) - 1) : 0);
        values[size_t(r * C + c)] = float(value);
        counts[size_t(r * words() * 64 + c)] = value;
        bits[size_t(r * words() + c / 64)] |= uint64_t(value & 1) << c % 64;
      }
    }
  }
  int64_t words() const { return spike_words(C); }
  SpikeLists channel_lists(const RowBlock& block) const {
    SpikeLists lists;
    lists.reserve(C * planes, rows * C * planes);
    if (planes == 1)
      channel_lists_of_spikes(block.inputs, C, bits.data(), block.unused, lists);
    else
      channel_lists_of_counts(block.inputs, C, counts.data(), planes, block.unused, lists);
    return lists;
  }
};

// Integers of up to 14 bits: they are exact in every type, and so are their sums in floats here.
std::vector<float> random_matrix(int64_t rows, int64_t columns, std::mt19937& rng) {
  std::vector<float> m(size_t(rows * columns));
  for (float& v : m) v = float(int(rng() % 201) - 100);
  for (int64_t c = 0; c < columns; ++c) m[size_t(rng() % size_t(rows) * size_t(columns)) + size_t(c)] = 8191;
  return m;
}

std::vector<float> gradient(const RowBlocks& plan, const Inputs& x, const std::vector<float>& dy, int64_t out,
                            WeightType type) {
  const PackedWeights panels = unpacked_weights(type, out, 0);
  const int64_t stride = (out + 15) / 16 * 16;
  std::vector<float> dw(plan.offsets.size() * size_t(x.C * stride));
  for (const RowBlock& block : plan.blocks) {
    const SpikeLists lists = x.channel_lists(block);
    for (const WeightPanel& p : panels.panels) {
      const auto panel = hwy::AllocateAligned<std::byte>(size_t(block.rows * p.width * 4));
      float scale[64];
      // The first row's 8191 may be in another block: the scale is the block's own.
      pack_panel(type, {p.first, p.count, out, block.rows}, block.outputs, dy.data(), p.width, panel.get(), scale);
      weight_gradient(type, panel.get(), p.width, scale, lists, 0, x.C, plan.offsets, dw.data() + p.first, stride);
    }
  }
  return dw;
}

void expect_near(const std::vector<float>& dw, const std::vector<double>& want, int64_t out, double tolerance) {
  const int64_t stride = (out + 15) / 16 * 16;
  for (size_t i = 0; i < want.size(); ++i) {
    const size_t at = i / size_t(out) * size_t(stride) + i % size_t(out);
    ASSERT_NEAR(double(dw[at]), want[i], tolerance) << "row " << i / size_t(out) << ", output " << i % size_t(out);
  }
}

TEST(WeightGradient, OfALinearMapEqualsThePlainLoops) {
  std::mt19937 rng(1);
  for (const int64_t planes : {1, 3}) {
    std::vector<std::array<int64_t, 3>> sizes = small_sizes<3>({5, 3, 4});
    sizes.insert(sizes.end(), {{1100, 70, 90}, {3, 64, 64}, {64, 8, 24}});
    for (const auto& [rows, C, out] : sizes) {
      const Inputs x(rows, C, planes, rng);
      const std::vector<float> dy = random_matrix(rows, out, rng);
      std::vector<double> want(size_t(C * out));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < C; ++c) {
          for (int64_t o = 0; o < out; ++o)
            want[size_t(c * out + o)] += double(x.values[size_t(r * C + c)]) * double(dy[size_t(r * out + o)]);
        }
      }
      on_every_target([&] {
        expect_near(gradient(linear_blocks(rows), x, dy, out, WeightType::kF32), want, out, 0);
        // Another block's largest value is smaller: there, a value is off by up to half a unit.
        expect_near(gradient(linear_blocks(rows), x, dy, out, WeightType::kU16), want, out, rows > 1024 ? 4 : 0.01);
      });
    }
  }
}

TEST(WeightGradient, OfAConvolutionEqualsThePlainLoops) {
  std::mt19937 rng(2);
  std::vector<std::array<int64_t, 5>> sizes = small_sizes<5>({2, 3, 2, 3, 4});
  sizes.insert(sizes.end(), {{2, 5, 7, 70, 20}, {30, 8, 8, 16, 48}, {1, 40, 66, 8, 16}, {3, 1, 1, 9, 64}});
  for (const auto& [images, H, W, C, out] : sizes) {
    const Inputs x(images * H * W, C, 1, rng);
    const std::vector<float> dy = random_matrix(images * H * W, out, rng);
    std::vector<double> want(size_t(9 * C * out));
    for (int64_t pixel = 0; pixel < images * H * W; ++pixel) {
      const int64_t h = pixel / W % H, w = pixel % W;
      for (int64_t k = 0; k < 9; ++k) {
        const int64_t from_h = h + k / 3 - 1, from_w = w + k % 3 - 1;
        if (from_h < 0 || from_h >= H || from_w < 0 || from_w >= W) continue;
        const int64_t from = pixel + (k / 3 - 1) * W + k % 3 - 1;
        for (int64_t c = 0; c < C; ++c) {
          for (int64_t o = 0; o < out; ++o)
            want[size_t((k * C + c) * out + o)] +=
                double(x.values[size_t(from * C + c)]) * double(dy[size_t(pixel * out + o)]);
        }
      }
    }
    on_every_target(
        [&] { expect_near(gradient(conv_blocks(images, H, W), x, dy, out, WeightType::kF32), want, out, 0); });
  }
}

TEST(PackPanel, RoundsToTheFourteenthBitOfTheLargest) {
  std::mt19937 rng(3);
  constexpr int64_t kRows = 9, kOut = 70;
  std::vector<float> m(kRows * kOut);
  for (float& v : m) v = std::normal_distribution<float>(0, 3)(rng);
  const std::vector<Bfloat16> m16(m.begin(), m.end());
  std::vector<float> y(kRows * kOut);
  on_every_target([&] {
    for (const bool bfloat16 : {false, true}) {
      PackedWeights w = unpacked_weights(WeightType::kU16, kOut, kRows);
      for (const WeightPanel& p : w.panels) {
        const PanelSource source{p.first, p.count, kOut, kRows + 1};
        const RowRange range[] = {{0, kRows, 0}};
        if (bfloat16)
          pack_panel(w.type, source, range, m16.data(), p.width, w.data.get() + p.offset, w.scale.data() + p.first);
        else
          pack_panel(w.type, source, range, m.data(), p.width, w.data.get() + p.offset, w.scale.data() + p.first);
      }
      std::vector<uint64_t> one_each(kRows);  // one input for each row: the sums are the rows themselves
      for (size_t r = 0; r < kRows; ++r) one_each[r] = uint64_t{1} << r;
      SpikeLists lists;
      lists.reserve(kRows, kRows);
      lists_of_spikes(kRows, 1, kRows, one_each.data(), 0, lists);
      spike_sums(w, lists, kRows, 1, y.data(), 0, kOut, {});
      for (size_t o = 0; o < kOut; ++o) {
        float largest = 0;
        for (size_t r = 0; r < kRows; ++r)
          largest = std::max(largest, std::abs(bfloat16 ? float(m16[r * kOut + o]) : m[r * kOut + o]));
        for (size_t r = 0; r < kRows; ++r) {
          const float want = bfloat16 ? float(m16[r * kOut + o]) : m[r * kOut + o];
          ASSERT_NEAR(y[r * kOut + o], want, 0.51 * largest / 8191);
        }
      }
    }
  });
}

TEST(SpikeSums, EqualThePlainLoopsAndTheirMoments) {
  std::mt19937 rng(4);
  for (const int64_t planes : {1, 2}) {
    std::vector<std::array<int64_t, 3>> sizes = small_sizes<3>({5, 3, 4});
    sizes.insert(sizes.end(), {{40, 70, 90}, {7, 64, 16}, {5, 8, 24}});
    for (const auto& [rows, C, out] : sizes) {
      const Inputs x(rows, C, planes, rng);
      const std::vector<float> w = random_matrix(C, out, rng);  // transposed
      std::vector<float> pivot(size_t(out), 3.0f);
      on_every_target([&] {
        for (const WeightType type : {WeightType::kF32, WeightType::kU16}) {
          PackedWeights packed = unpacked_weights(type, out, C);
          const RowRange range[] = {{0, C, 0}};
          for (const WeightPanel& p : packed.panels)
            pack_panel(type, {p.first, p.count, out, C + 1}, range, w.data(), p.width, packed.data.get() + p.offset,
                       packed.scale.data() + p.first);
          SpikeLists lists;
          lists.reserve(rows * planes, rows * C * planes);
          if (planes == 1)
            lists_of_spikes(rows, 1, C, x.bits.data(), 0, lists);
          else
            lists_of_counts(rows, 1, C, x.counts.data(), 0, planes, lists);
          std::vector<float> y(size_t(rows * out)), sum(y.size() / size_t(rows)), squares(sum.size());
          std::vector<Bfloat16> y16(y.size());
          spike_sums(packed, lists, rows, 1, y.data(), 0, out, {pivot.data(), sum.data(), squares.data()});
          spike_sums(packed, lists, rows, 1, y16.data(), 0, out, {});
          for (int64_t o = 0; o < out; ++o) {
            double total = 0, total_squares = 0;
            for (int64_t r = 0; r < rows; ++r) {
              double want = 0;
              for (int64_t c = 0; c < C; ++c)
                want += double(x.values[size_t(r * C + c)]) * double(w[size_t(c * out + o)]);
              ASSERT_EQ(double(y[size_t(r * out + o)]), want) << r << ", " << o;
              ASSERT_EQ(y16[size_t(r * out + o)].bits, Bfloat16(y[size_t(r * out + o)]).bits);
              total += want - 3, total_squares += (want - 3) * (want - 3);
            }
            ASSERT_NEAR(double(sum[size_t(o)]), total, 1e-5 * std::abs(total) + 1e-3);
            ASSERT_NEAR(double(squares[size_t(o)]), total_squares, 1e-5 * total_squares);
          }
        }
      });
    }
  }
}

}  // namespace
}  // namespace spikemix
