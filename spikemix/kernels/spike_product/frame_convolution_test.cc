// SPDX-License-Identifier: MIT
#include "spikemix/kernels/spike_product/frame_convolution.h"

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/spikes/on_every_target.h"
#include "spikemix/kernels/spikes/spikes.h"

namespace spikemix {
namespace {

struct FrameTest {
  int64_t T, C, height, width, out;

  int64_t pixels() const { return height * width; }
  int64_t in() const { return 9 * C; }
};

// Small counts, as in frames of events, and now and then a value that is negative or not an integer.
std::vector<float> random_frames(const FrameTest& s, double rate, std::mt19937& rng) {
  std::vector<float> values(size_t(s.T * s.C * s.pixels()));
  std::bernoulli_distribution seen(rate);
  for (float& v : values) {
    if (seen(rng)) v = rng() % 4 == 0 ? std::normal_distribution<float>()(rng) : float(1 + rng() % 5);
  }
  return values;
}

PackedWeights real_weights(const FrameTest& s, std::mt19937& rng) {
  std::vector<float> w(size_t(s.out * s.in()));
  for (float& v : w) v = std::normal_distribution<float>(0, 0.4f)(rng);
  PackedWeights packed = pack_weights(s.out, s.in(), w.data());
  for (int64_t o = 0; o < s.out; ++o) {
    packed.scale[size_t(o)] = 0.5f + float(rng() % 8) / 8;
    packed.shift[size_t(o)] = std::normal_distribution<float>(0, 0.3f)(rng);
  }
  return packed;
}

struct FrameSpikes {
  std::vector<uint64_t> spikes;
  std::vector<float> potentials;
  bool operator==(const FrameSpikes&) const = default;
};

// The previous bits do not matter; the previous potentials do.
FrameSpikes before(const FrameTest& s, float v) {
  const int64_t words = spike_words(s.out);
  return {std::vector<uint64_t>(size_t(s.T * s.pixels() * words), 0x5555555555555555),
          std::vector<float>(size_t(s.pixels() * 64 * words), v)};
}

NeuronState neurons_in(const FrameTest& s, const LifParams& lif, FrameSpikes& result) {
  const int64_t words = spike_words(s.out);
  return {.lif = lif,
          .T = s.T,
          .potentials = result.potentials.data(),
          .potentials_stride = 64 * words,
          .spikes = result.spikes.data(),
          .row_words = words,
          .step_words = s.pixels() * words};
}

// Every pixel's neighbourhood at one step, one after the other.
std::vector<float> neighbourhoods(const FrameTest& s, const std::vector<float>& values, int64_t t) {
  std::vector<float> x;
  for (int64_t p = 0; p < s.pixels(); ++p) {
    for (int64_t k = 0; k < 9; ++k) {
      const int64_t from_y = p / s.width + k / 3 - 1, from_x = p % s.width + k % 3 - 1;
      const bool inside = from_y >= 0 && from_y < s.height && from_x >= 0 && from_x < s.width;
      for (int64_t c = 0; c < s.C; ++c)
        x.push_back(inside ? values[size_t(((t * s.C + c) * s.height + from_y) * s.width + from_x)] : 0);
    }
  }
  return x;
}

// The definition: step by step, the dense product of every pixel's neighbourhood.
FrameSpikes dense(const FrameTest& s, const PackedWeights& w, const std::vector<float>& values, const LifParams& lif,
                  float v) {
  FrameSpikes result = before(s, v);
  for (int64_t t = 0; t < s.T; ++t) {
    const std::vector<float> x = neighbourhoods(s, values, t);
    NeuronState step = neurons_in(s, lif, result);
    step.T = 1, step.spikes += t * step.step_words;
    dense_product(w, token_windows(x.data(), w.in, w.in), 0, s.pixels(), step);
  }
  return result;
}

// The same by frame_convolution(), in parts, as threads share the work.
FrameSpikes sparse(const FrameTest& s, const PackedWeights& w, const std::vector<float>& values, const LifParams& lif,
                   float v, bool keep) {
  const Frames frames{values.data(), s.T, s.C, s.height, s.width};
  std::vector<uint64_t> marks(size_t(s.T * s.height * frames.row_words()), ~uint64_t{0});
  const int64_t rows = s.T * s.height;
  mark_pixels(frames, 0, rows / 2, marks.data());
  mark_pixels(frames, rows / 2, rows, marks.data());
  FrameSpikes result = before(s, v);
  NeuronState neurons = neurons_in(s, lif, result);
  if (!keep) neurons.potentials = nullptr;
  for (int64_t y = 0; y < s.height; y += 2)
    frame_convolution(w, frames, marks.data(), y, std::min(y + 2, s.height), neurons);
  return result;
}

TEST(FrameConvolution, HasTheBitsOfTheDenseProduct) {
  std::mt19937 rng(11);
  const LifParams neurons[] = {{}, {.k = 0.25f, .v_threshold = 1, .v_reset = -0.5f}, {.hard_reset = false}};
  std::vector<FrameTest> sizes = {{2, 2, 3, 64, 32},  {3, 2, 2, 65, 48}, {1, 1, 2, 128, 64},
                                  {2, 3, 4, 200, 70}, {16, 2, 5, 9, 8},  {1, 2, 1, 1, 130}};
  for (int64_t n = 1; n <= 17; ++n) {
    sizes.push_back({1 + n % 3, 1 + n % 4, n, 18 - n, n});
    sizes.push_back({1 + n % 3, 2, 1 + n % 3, 60 + n, 3 * n});
  }
  on_every_target([&] {
    for (const FrameTest& s : sizes) {
      for (const double rate : {0.0, 0.02, 0.2, 0.6, 1.0}) {
        const PackedWeights w = real_weights(s, rng);
        const std::vector<float> values = random_frames(s, rate, rng);
        const LifParams& lif = neurons[rng() % 3];
        SCOPED_TRACE(testing::Message() << s.T << " frames of " << s.C << " x " << s.height << " x " << s.width
                                        << " to " << s.out << ", rate " << rate);
        ASSERT_EQ(sparse(s, w, values, lif, 0.25f, true), dense(s, w, values, lif, 0.25f));
        ASSERT_EQ(sparse(s, w, values, lif, lif.v_reset, false).spikes, dense(s, w, values, lif, lif.v_reset).spikes);
      }
    }
  });
}

TEST(FrameConvolution, WithoutNeuronsGivesThePotentials) {
  std::mt19937 rng(13);
  on_every_target([&] {
    for (int64_t n = 1; n <= 17; ++n) {
      const FrameTest s{1 + n % 3, 1 + n % 4, n, n % 2 ? 18 - n : 60 + n, 3 * n};
      const PackedWeights w = real_weights(s, rng);
      const std::vector<float> values = random_frames(s, 0.3, rng);
      const Frames frames{values.data(), s.T, s.C, s.height, s.width};
      std::vector<uint64_t> marks(size_t(s.T * s.height * frames.row_words()));
      mark_pixels(frames, 0, s.T * s.height, marks.data());
      const auto size = size_t(s.T * s.pixels() * s.out);
      std::vector<float> want(size), got(size, 99);
      const Potentials out{.T = s.T, .values = got.data(), .step = s.pixels() * s.out, .stride = s.out};
      for (int64_t y = 0; y < s.height; y += 2)
        frame_potentials(w, frames, marks.data(), y, std::min(y + 2, s.height), out);
      for (int64_t t = 0; t < s.T; ++t) {
        const std::vector<float> x = neighbourhoods(s, values, t);
        dense_potentials(w, token_windows(x.data(), w.in, w.in), 0, s.pixels(),
                         {.values = want.data() + t * s.pixels() * s.out, .stride = s.out});
      }
      ASSERT_EQ(got, want) << s.C << " x " << s.height << " x " << s.width << " to " << s.out;
    }
  });
}

// Every nonzero value is added, whatever it is.
TEST(FrameConvolution, PropagatesNanAndInfinity) {
  std::mt19937 rng(12);
  const FrameTest s = {2, 2, 4, 70, 16};
  const PackedWeights w = real_weights(s, rng);
  std::vector<float> values = random_frames(s, 0.1, rng);
  values[66] = std::numeric_limits<float>::quiet_NaN();
  values[280] = std::numeric_limits<float>::infinity();
  on_every_target([&] { EXPECT_EQ(sparse(s, w, values, {}, 0, false).spikes, dense(s, w, values, {}, 0).spikes); });
}

}  // namespace
}  // namespace spikemix
