// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/kernels/line/line.h"

namespace spikemix {

/// The Walsh-Hadamard transform in natural (Sylvester) order, y = H x / sqrt(n), H[i, j] = (-1)^popcount(i & j):
/// scipy.linalg.hadamard(n) @ x / sqrt(n). Symmetric and orthogonal: its own inverse and adjoint.
///
/// Sums and differences only, with one scaling at the end: sums of small integers are exact.
/// Cost of a line: n log2 n additions, n multiplications (they fold into the batch norm that follows).
class Hadamard final : public LineTransform {
 public:
  /// n is a power of two: the caller checks this, because it knows the name of n.
  explicit Hadamard(int64_t n) : n_(n) {}

  int64_t n() const override { return n_; }
  std::vector<double> matrix() const override;
  OpCount ops() const override;
  int64_t scratch_size(int64_t lanes) const override { return n_ * lanes; }
  void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;
  void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const override;
  void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const override;

 private:
  int64_t n_;
};

}  // namespace spikemix
