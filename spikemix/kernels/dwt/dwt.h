// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "spikemix/kernels/line/line.h"

namespace spikemix {

/// The two analysis filters of a wavelet: PyWavelets' dec_lo and dec_hi, both of the same even length.
struct WaveletFilters {
  std::vector<double> low, high;
};

/// Multi-level wavelet analysis with a periodic boundary: y = np.concatenate(pywt.wavedec(x, w, "periodization",
/// levels)): the coarsest averages first, then the details from the coarsest to the finest. One level, F taps:
///
///   average_o = sum_j low[j]  x[(F/2 + 2o - j) mod n],  detail_o = the same with high[j],  o < n / 2
///
/// and the next level reads the averages. A filter longer than the line wraps around as often as necessary. If the
/// number of values is odd, the last is passed on as an average, and the others are transformed: n values stay n, and
/// an orthogonal wavelet stays orthogonal at every size. The adjoint is the transpose. It is the synthesis of the dual
/// wavelet, so pywt.waverec is the adjoint of a Dwt whose filters are rec_lo and rec_hi reversed; for an orthogonal
/// wavelet these are the same filters.
///
/// Cost of a line: F (2n - 2n / 2^levels) multiplications. Haar is cheaper: sums and differences, and one scaling for
/// each value.
class Dwt final : public LineTransform {
 public:
  /// 1 <= levels <= ceil(log2 n), n > 1: the caller checks this, because it knows the name of n.
  Dwt(int64_t n, WaveletFilters filters, int64_t levels);

  int64_t n() const override { return n_; }
  std::vector<double> matrix() const override;
  OpCount ops() const override;
  int64_t scratch_size(int64_t lanes) const override { return n_ * lanes; }
  void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;
  void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;

  /// The kernel's parameters.
  template <class T>
  struct Tables {
    int64_t n, levels;
    bool haar;
    std::vector<T> low, high;
    std::vector<T> scales;  // Haar: 2^(-l / 2) for level l
  };
  template <class T>
  const Tables<T>& tables() const;

 private:
  int64_t n_;
  WaveletFilters filters_;
  Tables<float> f32_;
  Tables<double> f64_;
};

}  // namespace spikemix
