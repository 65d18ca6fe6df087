// SPDX-License-Identifier: MIT
#include "spikemix/mixers/mixer.h"

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "spikemix/base/error.h"
#include "spikemix/base/rng.h"
#include "spikemix/mixers/wavelets.h"

namespace spikemix {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Case {
  std::string spec;
  MixerShape shape;
};

std::unique_ptr<Mixer> make(const Case& c) {
  const MixerSpec spec = parse_mixer_spec(c.spec);
  return spec.entry->make(c.shape, spec.options);
}

// Every linear mixer of the registry, first at sizes that are awkward for vectors (D below, at and above one) and for
// transforms (odd, prime, one), then over every kind of axis.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const MixerEntry& entry : mixers()) {
    if (entry.make == nullptr) continue;
    const std::string name = entry.name, options = entry.options;
    const bool halving = options.find("levels") != std::string::npos, power = name == "hadamard";
    for (const MixerShape& shape : {MixerShape{4, 8, 8, 64}, {2, 4, 4, 2}, {2, 8, 4, 16}, {1, 2, 2, 128}}) {
      all.push_back({name, shape});
      if (!power) all.push_back({name, {shape.T, shape.height, 3 * shape.width, 6 * shape.D}});
      if (options.find("axes") == std::string::npos) continue;
      all.push_back({name + ":inverse=true", shape});
      for (const char* axes : {"tokens", "embed", "height,width", "embed,width", "time", "embed,time,tokens"}) {
        if (shape.T > 1) all.push_back({name + ":axes=" + axes, shape});
      }
    }
    if (power) continue;
    for (const MixerShape& shape :
         {MixerShape{3, 7, 7, 96}, {3, 7, 9, 100}, {7, 5, 11, 13}, {5, 1, 257, 15}, {1, 1, 1, 1}, {2, 1, 2, 3}}) {
      if (halving && shape.height == 1) continue;  // one row has no levels
      all.push_back({name, shape});
      if (options.find("axes") == std::string::npos) continue;
      for (const char* axes : {"embed", "height,width", "time", "height,width,embed,time", "tokens,embed"}) {
        all.push_back({name + ":axes=" + axes, shape});
      }
    }
  }
  for (const char* wavelet : {"db2", "db7", "sym5", "coif3", "bior2.4", "bior6.8", "rbio3.1"}) {
    const std::string spec = std::string("wt2d:wavelet=") + wavelet;
    all.push_back({spec, {1, 4, 4, 6}});  // filters longer than the line: they wrap around
    all.push_back({spec + ":levels=1:inverse=true", {1, 6, 4, 20}});
    all.push_back({spec + ":levels=3:axes=height,embed", {1, 16, 3, 40}});
  }
  all.push_back({"dwt-c:bases=db3,bior2.2,haar", {1, 4, 8, 24}});
  all.push_back({"fwt-c:bases=fft,sym4,haar", {1, 4, 8, 24}});
  return all;
}

int64_t sample_size(const Mixer& mixer, const MixerShape& s) { return (mixer.mixes_time() ? s.T : 1) * s.N() * s.D; }

std::vector<double> random_values(int64_t n, uint64_t index) {
  Rng rng(/*seed=*/1, Rng::Purpose::kTest, index);
  std::vector<double> x(static_cast<size_t>(n));
  for (double& v : x) v = rng.uniform(-1, 1);
  return x;
}

// The scratch is exactly as large as the mixer asks for and full of NaN, which reveals reads before writes; the
// sanitizers see accesses beyond it.
template <class T>
std::vector<T> run(const Mixer& mixer, bool adjoint, int64_t k, const std::vector<T>& x) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> y(x.size(), nan), scratch(size_t(mixer.scratch_size()), nan);
  if (adjoint) {
    mixer.adjoint(k, x.data(), y.data(), scratch.data());
  } else {
    mixer.forward(k, x.data(), y.data(), scratch.data());
  }
  return y;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}
double norm(const std::vector<double>& a) { return std::sqrt(dot(a, a)); }
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return norm(difference);
}

// y_i = sum_j A[i, j] x_j along one axis of a sample [T, height, width, D].
std::vector<double> apply(const AxisMatrix& matrix, int64_t steps, const MixerShape& s, const std::vector<double>& x) {
  const std::map<std::string, std::pair<int64_t, int64_t>> axes = {
      // n, and the stride between neighbours
      {"time", {steps, s.N() * s.D}}, {"tokens", {s.N(), s.D}}, {"height", {s.height, s.width * s.D}},
      {"width", {s.width, s.D}},      {"embed", {s.D, 1}},
  };
  const auto [n, inner] = axes.at(matrix.axis);
  EXPECT_EQ(matrix.n, n);
  std::vector<double> y(x.size());
  for (int64_t at = 0; at < int64_t(x.size()); ++at) {
    const int64_t i = at / inner % n, start = at - i * inner;
    for (int64_t j = 0; j < n; ++j) {
      y[size_t(at)] += matrix.values[size_t(i * n + j)] * x[size_t(start + j * inner)];
    }
  }
  return y;
}

std::vector<double> definition(const Mixer& mixer, int64_t k, const MixerShape& s, const std::vector<double>& x) {
  std::vector<double> total(x.size());
  for (const SeparableTerm& term : mixer.terms()) {
    EXPECT_EQ(term.coefficient < 0, mixer.coefficients() == 0);
    if (mixer.coefficients() > 0 && term.coefficient != k) continue;
    std::vector<double> y = x;
    for (const AxisMatrix& matrix : term.axes) y = apply(matrix, mixer.mixes_time() ? s.T : 1, s, y);
    for (size_t i = 0; i < y.size(); ++i) total[i] += term.sign * y[i];
  }
  return total;
}

int64_t term_count(const Mixer& mixer) { return std::max<int64_t>(1, mixer.coefficients()); }

TEST(Mixers, EqualTheirDefinition) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.spec + " D=" + std::to_string(c.shape.D) + " N=" + std::to_string(c.shape.N()));
    const auto mixer = make(c);
    for (int64_t k = 0; k < term_count(*mixer); ++k) {
      const auto x = random_values(sample_size(*mixer, c.shape), 1), want = definition(*mixer, k, c.shape, x);
      EXPECT_LE(distance(run(*mixer, false, k, x), want), 1e-13 * norm(want));
      const std::vector<float> x32(x.begin(), x.end());
      const std::vector<float> y32 = run(*mixer, false, k, x32);
      EXPECT_LE(distance({y32.begin(), y32.end()}, want), 1e-6 * norm(want));
    }
  }
}

TEST(Mixers, AdjointIsTheTranspose) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.spec + " D=" + std::to_string(c.shape.D) + " N=" + std::to_string(c.shape.N()));
    const auto mixer = make(c);
    for (int64_t k = 0; k < term_count(*mixer); ++k) {
      const int64_t n = sample_size(*mixer, c.shape);
      const auto x = random_values(n, 1), y = random_values(n, 2);
      const auto mx = run(*mixer, false, k, x), my = run(*mixer, true, k, y);
      EXPECT_NEAR(dot(mx, y), dot(x, my), 1e-13 * norm(mx) * norm(y));
      const std::vector<float> y32(y.begin(), y.end());
      const std::vector<float> my32 = run(*mixer, true, k, y32);
      EXPECT_LE(distance({my32.begin(), my32.end()}, my), 1e-6 * norm(my));
    }
  }
}

TEST(Mixers, AreLinear) {
  for (const Case& c : cases()) {
    const auto mixer = make(c);
    const int64_t n = sample_size(*mixer, c.shape);
    const auto x = random_values(n, 1), y = random_values(n, 2);
    std::vector<double> sum(x.size());
    for (size_t i = 0; i < x.size(); ++i) sum[i] = 3 * x[i] - 2 * y[i];
    const auto mx = run(*mixer, false, 0, x), my = run(*mixer, false, 0, y);
    std::vector<double> want(x.size());
    for (size_t i = 0; i < x.size(); ++i) want[i] = 3 * mx[i] - 2 * my[i];
    EXPECT_LE(distance(run(*mixer, false, 0, sum), want), 1e-13 * norm(want)) << c.spec;
  }
}

// y = inverse(forward(x)); the real part of an FFT loses half of its input, so fft1d and fft2d have no inverse.
TEST(Mixers, InverseUndoesForward) {
  const MixerShape shape{2, 4, 4, 24};
  std::vector<std::string> specs = {"hartley", "hartley:axes=tokens,embed", "hartley:axes=height,width,embed",
                                    "dct",     "dct:axes=tokens,embed",     "hadamard",
                                    "identity"};
  for (const std::string& name : wavelet_names()) specs.push_back("wt2d:levels=2:wavelet=" + name);
  for (const std::string& spec : specs) {
    const auto forward = make({spec, shape});
    const auto inverse = make({spec == "identity" ? spec : spec + ":inverse=true", shape});
    const auto x = random_values(sample_size(*forward, shape), 1);
    // PyWavelets' tables hold some filters (sym3, sym20) to 11 digits only.
    EXPECT_LE(distance(run(*inverse, false, 0, run(*forward, false, 0, x)), x), 1e-10 * norm(x)) << spec;
  }
}

TEST(Mixers, OrthogonalOnesKeepTheNorm) {
  const MixerShape shape{2, 4, 4, 24};
  std::vector<std::string> specs = {"dct", "dct:axes=height,width,embed", "hadamard", "identity"};
  for (const std::string& name : wavelet_names()) {
    if (find_wavelet(name).orthogonal) specs.push_back("wt2d:levels=2:wavelet=" + name);
  }
  EXPECT_GT(specs.size(), 70u);
  for (const std::string& spec : specs) {
    const auto mixer = make({spec, shape});
    const auto x = random_values(sample_size(*mixer, shape), 1);
    EXPECT_NEAR(norm(run(*mixer, false, 0, x)), norm(x), 1e-10 * norm(x)) << spec;
  }
}

TEST(Mixers, WaveletsAreOrthogonalAtEverySize) {
  for (const char* wavelet : {"haar", "db2", "sym5"}) {
    for (int64_t n = 2; n <= 17; ++n) {
      const MixerShape shape{1, 1, n, 3};
      const std::string spec = std::string("wt1d:wavelet=") + wavelet;
      const auto forward = make({spec, shape}), inverse = make({spec + ":inverse=true", shape});
      const auto x = random_values(n * 3, 1), y = run(*forward, false, 0, x);
      EXPECT_NEAR(norm(y), norm(x), 1e-10 * norm(x)) << spec << " n=" << n;
      EXPECT_LE(distance(run(*inverse, false, 0, y), x), 1e-10 * norm(x)) << spec << " n=" << n;
    }
  }
}

// A lane is computed in the same way wherever it is: a token's channel has the same bits in an embedding of any width.
TEST(Mixers, LanesDoNotMatter) {
  for (const MixerEntry& entry : mixers()) {
    if (entry.make == nullptr) continue;
    const std::string options = entry.options,
                      spec = entry.name + std::string(options.find("axes") == std::string::npos ? "" : ":axes=tokens");
    const MixerShape shape{1, 4, 8, 77};
    const auto wide = make({spec, shape});
    const auto values = random_values(shape.N() * shape.D, 3);
    const std::vector<float> x(values.begin(), values.end());
    const std::vector<float> y = run(*wide, false, 0, x);
    for (const int64_t D : {1, 5, 16, 33}) {
      const auto narrow = make({spec, {1, shape.height, shape.width, D}});
      std::vector<float> part(size_t(shape.N() * D));
      for (int64_t n = 0; n < shape.N(); ++n) {
        for (int64_t d = 0; d < D; ++d) part[size_t(n * D + d)] = x[size_t(n * 77 + d + 11)];
      }
      const std::vector<float> got = run(*narrow, false, 0, part);
      for (int64_t n = 0; n < shape.N(); ++n) {
        for (int64_t d = 0; d < D; ++d) {
          ASSERT_EQ(got[size_t(n * D + d)], y[size_t(n * 77 + d + 11)]) << spec << " D=" << D << " n=" << n;
        }
      }
    }
  }
}

TEST(Mixers, EveryTargetAgrees) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    for (const MixerEntry& entry : mixers()) {
      if (entry.make == nullptr) continue;
      const bool axes = std::string(entry.options).find("axes") != std::string::npos;
      const std::string spec = entry.name + std::string(axes ? ":axes=tokens,embed" : "");
      for (const MixerShape& shape : {MixerShape{1, 8, 8, 64}, {1, 7, 7, 45}, {1, 6, 6, 70}}) {
        if (shape.N() != 64 && spec.starts_with("hadamard")) continue;
        const auto mixer = make({spec, shape});
        for (int64_t k = 0; k < term_count(*mixer); ++k) {
          const auto x = random_values(sample_size(*mixer, shape), 1), want = definition(*mixer, k, shape, x);
          EXPECT_LE(distance(run(*mixer, false, k, x), want), 1e-13 * norm(want)) << spec << hwy::TargetName(target);
          const std::vector<float> x32(x.begin(), x.end());
          const std::vector<float> y32 = run(*mixer, false, k, x32);
          EXPECT_LE(distance({y32.begin(), y32.end()}, want), 1e-6 * norm(want)) << spec << hwy::TargetName(target);
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

void expect_refusal(const Case& c, const std::string& text) {
  EXPECT_THAT([&] { make(c); }, ThrowsMessage<InputError>(HasSubstr(text))) << c.spec;
}

TEST(Mixers, RefuseSizesAndOptionsThatDoNotFit) {
  expect_refusal({"wt1d:levels=7", {}}, "levels 7: N = 64 tokens allow levels 1 to 6");
  expect_refusal({"wt1d", {4, 1, 1, 96}}, "N = 1 tokens allow no wavelet level");
  expect_refusal({"wt2d:levels=8", {4, 16, 16, 100}}, "levels 8: D = 100 embedding dimensions allow levels 1 to 7");
  expect_refusal({"dwt-c:axes=height", {4, 1, 8, 96}}, "height = 1 token rows allow no wavelet level");
  expect_refusal({"wt1d:wavelet=db39", {}}, "unknown wavelet 'db39'; did you mean 'db3'?");
  expect_refusal({"wt1d:wavelet=mexican", {}}, "unknown wavelet 'mexican'; known: haar, db1..db38");
  expect_refusal({"hadamard", {4, 7, 7, 96}}, "N = 49 tokens, expected a power of two (32 or 64)");
  expect_refusal({"hadamard:axes=tokens,embed", {}},
                 "D = 384 embedding dimensions, expected a power of two (256 or 512)");
  expect_refusal({"dwt-c:bases=haar,fft", {}}, "dwt-c combines wavelets only");
  expect_refusal({"dwt-c:bases=haar,haar", {}}, "bases: 'haar' appears twice");
  expect_refusal({"fft1d:axes=tokens,height", {}}, "tokens are height and width in one line");
  expect_refusal({"fft1d:axes=embed,embed", {}}, "embed appears twice");
  expect_refusal({"dct:axes=token", {}}, "unknown axis 'token'; did you mean 'tokens'?");
}

}  // namespace
}  // namespace spikemix
