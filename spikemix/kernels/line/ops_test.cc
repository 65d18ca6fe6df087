// SPDX-License-Identifier: MIT
// Compares every LineTransform::ops() with the kernel itself, run on a scalar that counts (counting.h). The same run
// compares the kernel's values with the definition, so that the counted code is known to compute the right thing.

#include <cmath>

#include <gtest/gtest.h>

#include "spikemix/kernels/dwt/dwt-inl.h"
#include "spikemix/kernels/fft/hartley-inl.h"
#include "spikemix/kernels/hadamard/hadamard-inl.h"
#include "spikemix/kernels/hadamard/hadamard.h"
#include "spikemix/kernels/line/counting.h"

namespace spikemix {
namespace {

using counting::CountTag;
namespace kernel = HWY_NAMESPACE;

struct Lines {
  explicit Lines(const LineTransform& transform)
      : x(size_t(transform.n())), y(x.size(), NAN), scratch(size_t(transform.scratch_size(1)), NAN) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(double(3 * i + 1));
  }
  Rows<const double> in() const { return {x.data(), 1}; }
  Rows<double> out() { return {y.data(), 1}; }

  // |y - A x|, or |y - A' x|
  double error(const LineTransform& transform, bool transposed = false) const {
    const std::vector<double> a = transform.matrix();
    const size_t n = x.size();
    double worst = 0;
    for (size_t i = 0; i < n; ++i) {
      double want = 0;
      for (size_t j = 0; j < n; ++j) want += a[transposed ? j * n + i : i * n + j] * x[j];
      worst = std::isnan(y[i]) ? INFINITY : std::max(worst, std::abs(y[i] - want));
    }
    return worst;
  }
  std::vector<double> x, y, scratch;
};

void expect_count(const OpCount& counted, const OpCount& claimed) {
  EXPECT_EQ(counted.additions, claimed.additions);
  EXPECT_EQ(counted.multiplications, claimed.multiplications);
}

TEST(Ops, RealFft) {
  for (const FftPart part : {FftPart::kReal, FftPart::kHartley}) {
    for (const int64_t n : {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 22, 30, 48, 49, 50, 63, 64, 100, 202, 257, 384}) {
      SCOPED_TRACE(n);
      const RealFft fft(n, part, 1);
      Lines lines(fft);
      OpCount count;
      kernel::real_fft(CountTag{&count}, fft.tables<double>(), 1, lines.in(), lines.out(), lines.scratch.data());
      EXPECT_LE(lines.error(fft), 1e-12 * double(n));
      expect_count(count, fft.ops());
    }
  }
}

TEST(Ops, DctIsAHartleyTransformAndRotations) {
  for (const int64_t n : {1, 2, 7, 8, 64, 96}) {
    SCOPED_TRACE(n);
    const std::vector<double> rotations(size_t(n + 2), 0.5);
    const RealFft hartley(n, FftPart::kHartley, 1);
    Lines lines(hartley);
    OpCount count = hartley.ops();
    kernel::rotate_pairs(CountTag{&count}, n, rotations.data(), 1, lines.in(), lines.out());
    expect_count(count, Dct(n).ops());
  }
}

TEST(Ops, Hadamard) {
  for (const int64_t n : {1, 2, 4, 8, 16, 64, 128}) {
    SCOPED_TRACE(n);
    const Hadamard transform(n);
    Lines lines(transform);
    OpCount count;
    kernel::hadamard(CountTag{&count}, n, 1, lines.in(), lines.out(), lines.scratch.data());
    EXPECT_LE(lines.error(transform), 1e-13 * double(n));
    expect_count(count, transform.ops());
  }
}

TEST(Ops, Dwt) {
  const double h = std::sqrt(0.5);
  const WaveletFilters haar{{h, h}, {-h, h}}, four{{-0.1, 0.2, 0.8, 0.5}, {-0.5, 0.8, -0.2, -0.1}};
  for (const WaveletFilters& filters : {haar, four}) {
    for (const auto& [n, levels] : {std::pair<int64_t, int64_t>{2, 1}, {6, 1}, {12, 2}, {64, 1}, {64, 6}, {96, 5}}) {
      SCOPED_TRACE(n);
      const Dwt transform(n, filters, levels);
      for (const bool transposed : {false, true}) {
        Lines lines(transform);
        OpCount count;
        if (transposed) {
          kernel::synthesis(CountTag{&count}, transform.tables<double>(), 1, lines.in(), lines.out(),
                            lines.scratch.data());
        } else {
          kernel::analysis(CountTag{&count}, transform.tables<double>(), 1, lines.in(), lines.out(),
                           lines.scratch.data());
        }
        EXPECT_LE(lines.error(transform, transposed), 1e-13 * double(n));
        // The transpose reads F/2 taps of each filter for each row: as many products and sums as forward.
        expect_count(count, transform.ops());
      }
    }
  }
}

// The counts as published: a Haar transform is n - 1 sums and as many differences; Hadamard is n log2 n.
TEST(Ops, EqualTheTextbooks) {
  const double h = std::sqrt(0.5);
  EXPECT_EQ(Dwt(64, {{h, h}, {-h, h}}, 6).ops().additions, 2 * 63);
  EXPECT_EQ(Dwt(64, {{h, h}, {-h, h}}, 6).ops().multiplications, 64);
  EXPECT_EQ(Hadamard(64).ops().additions, 64 * 6);
  // A split-radix FFT of 64 real values takes 4 x 64 x 6 / 2 operations; ours needs at most half as many again.
  const OpCount fft = RealFft(64, FftPart::kReal, 1).ops();
  EXPECT_LT(fft.additions + fft.multiplications, 1.5 * 2 * 64 * 6);
}

}  // namespace
}  // namespace spikemix
