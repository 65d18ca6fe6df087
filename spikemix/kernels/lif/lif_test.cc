// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/lif.h"

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

using testing::FloatNear;
using testing::Pointwise;

// Multiples of 1/64 in -2 .. 2: with tau 2 and a scale of 1/2 no step rounds, so potentials and spikes are exact.
std::vector<float> dyadic(int64_t n, uint32_t seed) {
  std::mt19937 rng(seed);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = float(int(rng() % 257) - 128) / 64;
  return x;
}

// Every kind of neuron; the constants of the last ones are exact in binary, too.
std::vector<LifParams> all_neurons() {
  std::vector<LifParams> all;
  for (const auto surrogate : {Surrogate::kSigmoid, Surrogate::kArctan, Surrogate::kTriangle})
    for (const bool hard : {true, false})
      for (const bool detach : {true, false})
        for (const bool leaky : {true, false})
          all.push_back({.k = leaky ? 0.5f : 1,
                         .leak = leaky ? 1.0f : 0,
                         .v_threshold = 0.75f,
                         .v_reset = hard ? 0.25f : 0,
                         .hard_reset = hard,
                         .detach_reset = detach,
                         .surrogate = surrogate,
                         .alpha = surrogate == Surrogate::kTriangle ? 1.0f : 2.5f});
  for (const bool leaky : {true, false}) {
    all.push_back({.k = 1,
                   .leak = leaky ? 0.5f : 0,
                   .v_threshold = 0,
                   .hard_reset = false,
                   .surrogate = Surrogate::kWindow,
                   .levels = 3});
  }
  all.push_back(
      {.k = 1, .leak = 0, .v_threshold = 0, .hard_reset = false, .surrogate = Surrogate::kWindow, .relu = true});
  for (const auto surrogate : {Surrogate::kSigmoid, Surrogate::kArctan, Surrogate::kTriangle})
    for (const bool detach : {true, false})
      all.push_back({.k = 1,
                     .leak = 0,
                     .v_threshold = 0.75f,
                     .detach_reset = detach,
                     .surrogate = surrogate,
                     .alpha = surrogate == Surrogate::kTriangle ? 1.0f : 2.5f,
                     .v_negative = -0.5f});
  return all;
}

std::string name_of(const LifParams& p) {
  if (p.levels > 0) return "integer";
  if (p.relu) return "relu";
  if (p.is_signed())
    return "signed, surrogate " + std::to_string(int(p.surrogate)) + (p.detach_reset ? " detached" : "");
  return "surrogate " + std::to_string(int(p.surrogate)) + (p.hard_reset ? " hard" : " soft") +
         (p.detach_reset ? " detached" : "") + (p.leak != 0 ? " LIF" : " IF");
}

// Scale and shift of a batch norm whose arithmetic is exact: 1/2 and multiples of 1/64.
struct ExactNorm {
  explicit ExactNorm(int64_t C) : scale(size_t(C), 0.5f), shift(dyadic(C, 7)), mean(dyadic(C, 8)) {}
  LifNorm view() const { return {scale.data(), shift.data(), mean.data()}; }
  std::vector<float> scale, shift, mean;
};

// The reference, neuron by neuron, on [T, M, C].
struct Reference {
  Reference(const LifParams& p, const LifShape& shape, const ExactNorm& norm, const std::vector<float>& x,
            const std::vector<float>& ds)
      : s(ds.size(), -1), dz(x.size(), 0), sum_dz(size_t(shape.C)), sum_dz_x(size_t(shape.C)) {
    const auto T = size_t(shape.T), step = size_t(shape.M * shape.C), C = size_t(shape.C);
    std::vector<float> z(T), spikes(T), g(T), out(T);
    for (size_t i = 0; i < step; ++i) {
      for (size_t t = 0; t < T; ++t) {
        z[t] = x[i + (shape.same_x ? 0 : t * step)] * norm.scale[i % C] + norm.shift[i % C];
        g[t] = ds[i + t * step];
      }
      lif_forward_ref(p, shape.T, z.data(), spikes.data());
      lif_backward_ref(p, shape.T, z.data(), g.data(), out.data(), dk);
      for (size_t t = 0; t < T; ++t) {
        const size_t at = i + (shape.same_x ? 0 : t * step);
        s[i + t * step] = spikes[t];
        dz[at] += out[t];
        sum_dz[i % C] += out[t];
        sum_dz_x[i % C] += out[t] * (x[at] - norm.mean[i % C]);
      }
    }
  }
  std::vector<float> s, dz, sum_dz, sum_dz_x;
  double dk = 0;
};

const LifShape kShapes[] = {{.T = 1, .M = 3, .C = 1},
                            {.T = 4, .M = 5, .C = 16},
                            {.T = 4, .M = 2, .C = 67},
                            {.T = 10, .M = 2, .C = 31},
                            {.T = 3, .M = 4, .C = 33, .same_x = true}};

std::vector<LifShape> small_shapes() {
  std::vector<LifShape> shapes;
  for (const auto& [T, M, C] : small_sizes<3>({3, 2, 5})) shapes.push_back({.T = T, .M = M, .C = C});
  return shapes;
}

TEST(Lif, SpikesEqualTheReferenceOnEveryTarget) {
  for (const LifShape& shape : kShapes) {
    const ExactNorm norm(shape.C);
    const int64_t n = shape.M * shape.C;
    const auto x = dyadic(shape.same_x ? n : shape.T * n, 1), residual = dyadic(shape.T * n, 2);
    for (const LifParams& p : all_neurons()) {
      const Reference want(p, shape, norm, x, residual);
      on_every_target([&] {
        std::vector<float> s(residual.size(), -2), sum(residual.size(), -2);
        lif_forward(p, shape, norm.view(), 0, shape.M, x.data(), static_cast<const float*>(nullptr), s.data());
        ASSERT_EQ(s, want.s) << name_of(p) << " T=" << shape.T << " C=" << shape.C;
        // In two parts, with a residual.
        lif_forward(p, shape, norm.view(), 0, shape.M / 2, x.data(), residual.data(), sum.data());
        lif_forward(p, shape, norm.view(), shape.M / 2, shape.M, x.data(), residual.data(), sum.data());
        for (size_t i = 0; i < s.size(); ++i) ASSERT_EQ(sum[i], want.s[i] + residual[i]) << name_of(p);
      });
    }
  }
}

// Counts equal rounds of spikes: first 1/2 and all of a step's input, then rounds of "fire at 1, subtract 1".
TEST(Lif, CountsAreRoundsOfSpikes) {
  const LifParams p{
      .k = 1, .leak = 0.5f, .v_threshold = 0, .hard_reset = false, .surrogate = Surrogate::kWindow, .levels = 4};
  std::vector<float> z = dyadic(600, 3), s(z.size());
  for (float& value : z) value *= 4;
  lif_forward_ref(p, int64_t(z.size()), z.data(), s.data());
  float v = 0;
  for (size_t t = 0; t < z.size(); ++t) {
    v = v / 2 + z[t];
    int fired = 0;
    float membrane = v + 0.5f;
    for (int round = 0; round < 4 && membrane >= 1; ++round) membrane -= 1, ++fired;
    EXPECT_EQ(s[t], float(fired)) << t;
    v -= float(fired);
  }
}

TEST(Lif, SmallSizesEqualTheReference) {
  const LifParams p = all_neurons().front();
  for (const LifShape& shape : small_shapes()) {
    const ExactNorm norm(shape.C);
    const auto x = dyadic(shape.T * shape.M * shape.C, 1);
    const Reference want(p, shape, norm, x, x);
    on_every_target([&] {
      std::vector<float> s(x.size(), -2), dz(x.size(), -1), sum_dz(size_t(shape.C)), sum_dz_x(size_t(shape.C));
      double dk = 0;
      lif_forward(p, shape, norm.view(), 0, shape.M, x.data(), static_cast<const float*>(nullptr), s.data());
      lif_backward(p, shape, norm.view(), 0, shape.M, x.data(), x.data(), dz.data(),
                   {sum_dz.data(), sum_dz_x.data(), &dk});
      ASSERT_EQ(s, want.s) << "T=" << shape.T << " M=" << shape.M << " C=" << shape.C;
      for (size_t i = 0; i < dz.size(); ++i)
        ASSERT_NEAR(dz[i], want.dz[i], 1e-4 * (1 + std::abs(want.dz[i]))) << "T=" << shape.T << " C=" << shape.C;
    });
  }
}

TEST(Lif, GradientsAgreeWithTheReferenceOnEveryTarget) {
  for (const LifShape& shape : kShapes) {
    const ExactNorm norm(shape.C);
    const int64_t n = shape.M * shape.C;
    const auto x = dyadic(shape.same_x ? n : shape.T * n, 1), ds = dyadic(shape.T * n, 2);
    for (const LifParams& p : all_neurons()) {
      const Reference want(p, shape, norm, x, ds);
      on_every_target([&] {
        std::vector<float> dz(x.size(), -1), sum_dz(size_t(shape.C)), sum_dz_x(size_t(shape.C));
        double dk = 0;
        lif_backward(p, shape, norm.view(), 0, shape.M, x.data(), ds.data(), dz.data(),
                     {sum_dz.data(), sum_dz_x.data(), &dk});
        // Each value is a chain of T products with factors up to alpha; fp32 keeps them within a few 1e-7 of their
        // size.
        float size = 1;
        for (const float v : want.dz) size = std::max(size, std::abs(v));
        const float tolerance = 4e-6f * size, sums = tolerance * 4 * float(shape.T * shape.M);
        ASSERT_THAT(dz, Pointwise(FloatNear(tolerance), want.dz)) << name_of(p) << " T=" << shape.T;
        ASSERT_THAT(sum_dz, Pointwise(FloatNear(sums), want.sum_dz)) << name_of(p);
        ASSERT_THAT(sum_dz_x, Pointwise(FloatNear(sums), want.sum_dz_x)) << name_of(p);
        ASSERT_NEAR(dk, want.dk, double(sums) * double(shape.C)) << name_of(p);
      });
    }
  }
}

// These inputs are exact in bf16, so the spikes are the same; gradients are rounded once to 8 bits, at the end.
TEST(Lif, Bfloat16AgreesWithFloat) {
  const LifShape shape{.T = 4, .M = 3, .C = 37};
  const auto n = size_t(shape.T * shape.M * shape.C);
  const ExactNorm norm(shape.C);
  const auto x = dyadic(int64_t(n), 1), ds = dyadic(int64_t(n), 2);
  std::vector<Bfloat16> x16(x.begin(), x.end()), ds16(ds.begin(), ds.end()), s16(n), dz16(n), mixed(n);
  for (size_t i = 0; i < n; ++i) ASSERT_EQ(float(x16[i]), x[i]);
  for (const LifParams& p : all_neurons()) {
    on_every_target([&] {
      std::vector<float> s(n), dz(n), dz_mixed(n), unused(size_t(2 * shape.C));
      const LifSums sums{unused.data(), unused.data() + shape.C, nullptr};
      const Bfloat16* none = nullptr;
      lif_forward(p, shape, norm.view(), 0, shape.M, x.data(), static_cast<const float*>(nullptr), s.data());
      lif_forward(p, shape, norm.view(), 0, shape.M, x16.data(), none, s16.data());
      lif_forward(p, shape, norm.view(), 0, shape.M, x.data(), none, mixed.data());
      lif_backward(p, shape, norm.view(), 0, shape.M, x.data(), ds.data(), dz.data(), sums);
      lif_backward(p, shape, norm.view(), 0, shape.M, x16.data(), ds16.data(), dz16.data(), sums);
      lif_backward(p, shape, norm.view(), 0, shape.M, x.data(), ds16.data(), dz_mixed.data(), sums);
      ASSERT_EQ(dz_mixed, dz);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(float(s16[i]), float(Bfloat16(s[i])));  // spikes and counts are the same in both
        ASSERT_EQ(float(mixed[i]), float(Bfloat16(s[i])));
        ASSERT_EQ(float(dz16[i]), float(Bfloat16(dz[i])));
      }
    });
  }
}

}  // namespace
}  // namespace spikemix
