// SPDX-License-Identifier: MIT
#include "spikemix/report/spectrum.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace spikemix::reports {
namespace {

using Complex = std::complex<double>;

// y[k] = sum_j exp(-2 pi i j k / n) x[j] for values `stride` apart: tokens are few, so a table is as good as an FFT.
class Dft {
 public:
  explicit Dft(int64_t n) : n_(n), twiddle_(size_t(n)), out_(size_t(n)) {
    for (int64_t j = 0; j < n; ++j)
      twiddle_[size_t(j)] = std::polar(1.0, -2 * std::numbers::pi * double(j) / double(n));
  }
  void operator()(Complex* x, int64_t stride) {
    for (int64_t k = 0; k < n_; ++k) {
      Complex sum = 0;
      for (int64_t j = 0; j < n_; ++j) sum += twiddle_[size_t(j * k % n_)] * x[j * stride];
      out_[size_t(k)] = sum;
    }
    for (int64_t k = 0; k < n_; ++k) x[k * stride] = out_[size_t(k)];
  }

 private:
  const int64_t n_;
  std::vector<Complex> twiddle_, out_;
};

// In cycles a token: index n - 1 is as far from 0 as index 1.
double frequency(int64_t k, int64_t n) { return double(std::min(k, n - k)) / double(n); }

}  // namespace

Spectrum token_spectrum(std::span<const float> values, int64_t height, int64_t width, int64_t channels) {
  const int64_t N = height * width, steps = int64_t(values.size()) / (N * channels), longest = std::max(height, width);
  std::vector<size_t> ring(static_cast<size_t>(N));
  for (int64_t i = 0; i < N; ++i)
    ring[size_t(i)] =
        size_t(std::lround(std::hypot(frequency(i / width, height), frequency(i % width, width)) * double(longest)));
  Spectrum spectrum;
  spectrum.power.resize(*std::ranges::max_element(ring) + 1);
  for (size_t r = 0; r < spectrum.power.size(); ++r) spectrum.frequency.push_back(double(r) / double(longest));

  Dft along_width(width), along_height(height);
  std::vector<Complex> grid(static_cast<size_t>(N));
  const double scale = 1 / (double(N) * double(N) * double(steps * channels));
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t i = 0; i < N; ++i) grid[size_t(i)] = double(values[size_t((t * N + i) * channels + c)]);
      for (int64_t y = 0; y < height; ++y) along_width(grid.data() + y * width, 1);
      for (int64_t x = 0; x < width; ++x) along_height(grid.data() + x, width);
      for (int64_t i = 0; i < N; ++i) spectrum.power[ring[size_t(i)]] += scale * std::norm(grid[size_t(i)]);
    }
  }
  return spectrum;
}

}  // namespace spikemix::reports
