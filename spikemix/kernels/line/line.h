// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/base/op_count.h"

namespace spikemix {

/// Rows of a matrix, `stride` values apart.
template <class T>
struct Rows {
  T* data;
  int64_t stride;
  T* operator[](int64_t i) const { return data + i * stride; }
};

/// Kernels process this many lanes at once, a multiple of every instruction set's vector, so that no kernel needs a
/// remainder loop. Each lane is computed separately, so the result has the same bits wherever a lane is in a row or
/// thread.
constexpr int64_t kLanes = 16;

/// A linear transform of lines of n values: y = A x, with A [n, n]. It runs down the columns of [n, lanes]: every
/// operation is on whole rows, which vectorises for any n.
class LineTransform {
 public:
  virtual ~LineTransform() = default;

  virtual int64_t n() const = 0;
  /// A by its formula, [n, n] row-major: y_i = sum_j A[i n + j] x_j. Independent of the kernels.
  virtual std::vector<double> matrix() const = 0;
  /// For one line (one lane).
  virtual OpCount ops() const = 0;

  /// Values of scratch for this many lanes.
  virtual int64_t scratch_size(int64_t lanes) const = 0;
  /// y = A x. `lanes` is a multiple of kLanes; x and y do not overlap.
  virtual void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const = 0;
  virtual void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const = 0;
  /// y = A' x
  virtual void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const = 0;
  virtual void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const = 0;
};

/// An array viewed as [outer, n, inner], row-major, whose middle axis is transformed.
struct LineView {
  int64_t outer = 1, n = 1, inner = 1;
};

enum class Direction { kForward, kAdjoint };

/// Values of scratch for apply_line.
int64_t line_scratch_size(const LineTransform& transform, LineView view);

/// y = the transform along the middle axis of x. x and y do not overlap.
/// An inner axis of one value (the embedding) is transposed on the way in and out, kLanes lines at a time.
template <class T>
void apply_line(const LineTransform& transform, Direction direction, LineView view, const T* x, T* y, T* scratch);

}  // namespace spikemix
