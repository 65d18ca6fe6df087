// SPDX-License-Identifier: MIT
#include "spikemix/kernels/hadamard/hadamard.h"

#include <bit>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/hadamard/hadamard.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/hadamard/hadamard-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {

void hadamard_f32(int64_t n, int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) {
  hadamard(hwy::HWY_NAMESPACE::CappedTag<float, kLanes>(), n, lanes, x, y, scratch);
}
void hadamard_f64(int64_t n, int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) {
  hadamard(hwy::HWY_NAMESPACE::CappedTag<double, kLanes>(), n, lanes, x, y, scratch);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {

HWY_EXPORT(hadamard_f32);
HWY_EXPORT(hadamard_f64);

std::vector<double> Hadamard::matrix() const {
  std::vector<double> h(size_t(n_ * n_));
  for (int64_t i = 0; i < n_; ++i) {
    for (int64_t j = 0; j < n_; ++j) {
      h[size_t(i * n_ + j)] = (std::popcount(uint64_t(i & j)) % 2 ? -1 : 1) / std::sqrt(double(n_));
    }
  }
  return h;
}

OpCount Hadamard::ops() const {
  const double n = double(n_);
  return n_ == 1 ? OpCount{} : OpCount{n * std::log2(n), n};
}

void Hadamard::forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(hadamard_f32)(n_, lanes, x, y, scratch);
}
void Hadamard::forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  HWY_DYNAMIC_DISPATCH(hadamard_f64)(n_, lanes, x, y, scratch);
}
void Hadamard::adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  forward(lanes, x, y, scratch);
}
void Hadamard::adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  forward(lanes, x, y, scratch);
}

}  // namespace spikemix
#endif  // HWY_ONCE
