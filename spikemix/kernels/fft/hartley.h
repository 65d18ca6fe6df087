// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/kernels/fft/fft_plan.h"
#include "spikemix/kernels/line/line.h"

namespace spikemix {

/// The real numbers to take from the FFT of a real line.
enum class FftPart {
  kReal,     // Re: sum_j cos(2 pi j k / n) x_j
  kHartley,  // Re - Im, the discrete Hartley transform: sum_j (cos + sin)(2 pi j k / n) x_j
};

/// y = scale Re(FFT x), or scale (Re - Im)(FFT x): scale * torch.fft.fft(x).real, or (.real - .imag).
///
/// The input is real, which halves the work for even n: even and odd rows are the real and imaginary parts of one
/// complex FFT of n / 2 rows. Odd n takes a complex FFT of n rows. Both maps are symmetric, so each is its own adjoint.
/// Cost of a line: O(n log n) for small prime factors; see ops().
class RealFft final : public LineTransform {
 public:
  RealFft(int64_t n, FftPart part, double scale);

  int64_t n() const override { return n_; }
  std::vector<double> matrix() const override;
  OpCount ops() const override;
  int64_t scratch_size(int64_t lanes) const override { return 4 * f64_.plan.n * lanes; }
  void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;
  void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;

  /// The kernel's parameters.
  template <class T>
  struct Tables {
    int64_t n;
    FftPart part;
    T scale;
    FftPlan<T> plan;       // n / 2 rows, or n if n is odd
    std::vector<T> roots;  // (cos, sin) of 2 pi k / n for k < n / 2
  };
  template <class T>
  const Tables<T>& tables() const;

 private:
  int64_t n_;
  FftPart part_;
  double scale_;
  Tables<float> f32_;
  Tables<double> f64_;
};

/// The orthonormal DCT-II, scipy.fft.dct(x, norm="ortho"); its inverse and adjoint is the DCT-III. Computed by
/// Makhoul's order (even rows up, odd rows down), one Hartley transform and a 2 x 2 map of rows k and n - k.
class Dct final : public LineTransform {
 public:
  explicit Dct(int64_t n);

  int64_t n() const override { return hartley_.n(); }
  std::vector<double> matrix() const override;
  OpCount ops() const override;
  int64_t scratch_size(int64_t lanes) const override { return n() * lanes + hartley_.scratch_size(lanes); }
  void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;
  void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;

 private:
  RealFft hartley_;
  std::vector<float> rotations_f32_;  // (p, q) of rows k and n - k: y_k = p h_k + q h_-k, y_-k = q h_k - p h_-k
  std::vector<double> rotations_f64_;
};

/// out = scale (a + b), and out = scale (a + b + c - d): rows of any length, out may be one of the inputs.
/// Two such sums turn transforms along single axes into the true multi-dimensional one (mixers/fourier.h).
void add_rows(int64_t lanes, float scale, const float* a, const float* b, float* out);
void add_rows(int64_t lanes, double scale, const double* a, const double* b, double* out);
void cas_rows(int64_t lanes, float scale, const float* a, const float* b, const float* c, const float* d, float* out);
void cas_rows(int64_t lanes, double scale, const double* a, const double* b, const double* c, const double* d,
              double* out);

}  // namespace spikemix
