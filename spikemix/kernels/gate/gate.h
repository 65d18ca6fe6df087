// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spikemix/kernels/line/line.h"

namespace spikemix {

/// The operation between a transform of a grid of rows and its inverse.
enum class GateKind {
  kRows,     ///< each row of a real transform
  kHartley,  ///< each row of the true two-dimensional Hartley transform, Re - Im of the FFT
  kFourier,  ///< each complex frequency of the FFT of real rows
};

/// Which rows of a grid [height, width] are gated together, and with which rows of packed gates.
///
/// kHartley and kFourier read the Hartley transform along the height and along the width, c = (C + S) x (C + S)'. With
/// -u and -v for reversed indices (-u mod height), let p, q, r, s be c at (u, v), (-u, -v), (u, -v), (-u, v). Then the
/// FFT is f(u, v) = (r + s - i (p - q)) / 2, f(u, -v) = (p + q - i (r - s)) / 2: four real rows are two frequencies
/// (the other two are their conjugates). If u or v is its own mirror image, two rows are one frequency, or one row is a
/// real frequency.
struct GatePlan {
  GatePlan(GateKind kind, int64_t height, int64_t width);

  GateKind kind;
  int64_t rows;
  std::vector<std::array<int64_t, 4>> quads;  // p, q, r, s
  std::vector<std::array<int64_t, 2>> pairs;  // p, q
  std::vector<int64_t> singles;

  /// A row of packed gates, and a row of a gate tensor that is added to it, times `factor`. The tensor's rows are
  /// [height, width] for real gates; for complex ones [height, width / 2 + 1, (re, im)], torch.fft.rfft2's frequencies.
  /// As in torch.fft.irfft2, the imaginary part of a frequency that must be real is ignored.
  struct Entry {
    int64_t packed, tensor;
    double factor;
  };
  std::vector<Entry> entries;

  /// For one lane.
  OpCount ops() const;
};

/// x = inverse of (gate * x), without the transforms along the axes: x is one panel, [rows, lanes].
/// @param gate   packed gates: rows of quads (kHartley: of p, q, r, s; kFourier: re, im of (u, v), re, im of (u, -v)),
///               of pairs (re, im), of singles
/// @param lanes  a multiple of kLanes
void apply_gates(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<float> x);
void apply_gates(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<double> x);

/// The same transposed: g = M' g; adds the gradient of the packed gates, <g, M x>, to sums.
void adjoint_gates(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<const float> x, Rows<float> g,
                   Rows<float> sums);
void adjoint_gates(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<const double> x, Rows<double> g,
                   Rows<double> sums);

}  // namespace spikemix
