// SPDX-License-Identifier: MIT
#pragma once

namespace spikemix {

/// Floating-point operations.
struct OpCount {
  double additions = 0, multiplications = 0;
};
inline OpCount operator+(OpCount a, OpCount b) {
  return {a.additions + b.additions, a.multiplications + b.multiplications};
}
inline OpCount operator*(double n, OpCount a) { return {n * a.additions, n * a.multiplications}; }

}  // namespace spikemix
