// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "spikemix/kernels/line/line.h"

/// A vector of one lane that counts its operations. A kernel template instantiated with CountTag instead of a Highway
/// tag computes the same values and counts what they cost: the tests compare every ops() with this.
namespace spikemix::counting {

struct CountTag {
  using T = double;
  OpCount* count;
};
struct Counted {
  double value;
  OpCount* count;
};

inline int64_t Lanes(CountTag) { return 1; }
inline Counted Set(CountTag d, double value) { return {value, d.count}; }
inline Counted LoadU(CountTag d, const double* from) { return {*from, d.count}; }
inline void StoreU(Counted v, CountTag, double* to) { *to = v.value; }
inline Counted Add(Counted a, Counted b) {
  a.count->additions += 1;
  return {a.value + b.value, a.count};
}
inline Counted Sub(Counted a, Counted b) {
  a.count->additions += 1;
  return {a.value - b.value, a.count};
}
inline Counted Mul(Counted a, Counted b) {
  a.count->multiplications += 1;
  return {a.value * b.value, a.count};
}
inline Counted MulAdd(Counted a, Counted b, Counted c) { return Add(Mul(a, b), c); }
inline Counted MulSub(Counted a, Counted b, Counted c) { return Sub(Mul(a, b), c); }
inline Counted NegMulAdd(Counted a, Counted b, Counted c) { return Sub(c, Mul(a, b)); }

}  // namespace spikemix::counting
