// SPDX-License-Identifier: MIT
#include "spikemix/kernels/fft/hartley.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/fft/hartley.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/fft/hartley-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
using F32 = hwy::HWY_NAMESPACE::CappedTag<float, kLanes>;
using F64 = hwy::HWY_NAMESPACE::CappedTag<double, kLanes>;

void real_fft_f32(const RealFft::Tables<float>& t, int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) {
  real_fft(F32(), t, lanes, x, y, scratch);
}
void real_fft_f64(const RealFft::Tables<double>& t, int64_t lanes, Rows<const double> x, Rows<double> y,
                  double* scratch) {
  real_fft(F64(), t, lanes, x, y, scratch);
}
void rotate_pairs_f32(int64_t n, const float* rotations, int64_t lanes, Rows<const float> x, Rows<float> y) {
  rotate_pairs(F32(), n, rotations, lanes, x, y);
}
void rotate_pairs_f64(int64_t n, const double* rotations, int64_t lanes, Rows<const double> x, Rows<double> y) {
  rotate_pairs(F64(), n, rotations, lanes, x, y);
}

// Rows have any length, so the last values are done one by one. Sums and one product: the same bits either way.
template <class D, class T = typename D::T>
void add_rows_of(D d, int64_t lanes, T scale, const T* a, const T* b, T* out) {
  const int64_t step = int64_t(Lanes(d));
  int64_t l = 0;
  for (; l + step <= lanes; l += step) {
    StoreU(Mul(Set(d, scale), Add(LoadU(d, a + l), LoadU(d, b + l))), d, out + l);
  }
  for (; l < lanes; ++l) out[l] = scale * (a[l] + b[l]);
}
template <class D, class T = typename D::T>
void cas_rows_of(D tag, int64_t lanes, T scale, const T* a, const T* b, const T* c, const T* d, T* out) {
  const int64_t step = int64_t(Lanes(tag));
  int64_t l = 0;
  for (; l + step <= lanes; l += step) {
    const auto ab = Add(LoadU(tag, a + l), LoadU(tag, b + l)), cd = Sub(LoadU(tag, c + l), LoadU(tag, d + l));
    StoreU(Mul(Set(tag, scale), Add(ab, cd)), tag, out + l);
  }
  for (; l < lanes; ++l) out[l] = scale * ((a[l] + b[l]) + (c[l] - d[l]));
}
void add_rows_f32(int64_t lanes, float scale, const float* a, const float* b, float* out) {
  add_rows_of(F32(), lanes, scale, a, b, out);
}
void add_rows_f64(int64_t lanes, double scale, const double* a, const double* b, double* out) {
  add_rows_of(F64(), lanes, scale, a, b, out);
}
void cas_rows_f32(int64_t lanes, float scale, const float* a, const float* b, const float* c, const float* d,
                  float* out) {
  cas_rows_of(F32(), lanes, scale, a, b, c, d, out);
}
void cas_rows_f64(int64_t lanes, double scale, const double* a, const double* b, const double* c, const double* d,
                  double* out) {
  cas_rows_of(F64(), lanes, scale, a, b, c, d, out);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {
namespace {
HWY_EXPORT(real_fft_f32);
HWY_EXPORT(real_fft_f64);
HWY_EXPORT(rotate_pairs_f32);
HWY_EXPORT(rotate_pairs_f64);
HWY_EXPORT(add_rows_f32);
HWY_EXPORT(add_rows_f64);
HWY_EXPORT(cas_rows_f32);
HWY_EXPORT(cas_rows_f64);

template <class T>
RealFft::Tables<T> make_tables(int64_t n, FftPart part, double scale) {
  RealFft::Tables<T> t{n, part, T(scale), FftPlan<T>(n % 2 == 0 ? n / 2 : n), {}};
  for (int64_t k = 0; k < n / 2; ++k) {
    const double angle = 2 * std::numbers::pi * double(k) / double(n);
    t.roots.push_back(T(std::cos(angle)));
    t.roots.push_back(T(std::sin(angle)));
  }
  return t;
}

// Makhoul: row j of the Hartley transform's input is row 2j, or from the far end row 2j + 1.
int64_t dct_row(int64_t j, int64_t n) { return 2 * j < n ? 2 * j : 2 * (n - j) - 1; }

void rotate(int64_t n, const float* rotations, int64_t lanes, Rows<const float> x, Rows<float> y) {
  HWY_DYNAMIC_DISPATCH(rotate_pairs_f32)(n, rotations, lanes, x, y);
}
void rotate(int64_t n, const double* rotations, int64_t lanes, Rows<const double> x, Rows<double> y) {
  HWY_DYNAMIC_DISPATCH(rotate_pairs_f64)(n, rotations, lanes, x, y);
}

template <class T>
void dct2(const RealFft& hartley, const T* rotations, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  const int64_t n = hartley.n();
  for (int64_t j = 0; j < n; ++j) std::copy_n(x[dct_row(j, n)], lanes, y[j]);
  const Rows<T> h{scratch, lanes};
  hartley.forward(lanes, Rows<const T>{y.data, y.stride}, h, scratch + n * lanes);
  rotate(n, rotations, lanes, Rows<const T>{h.data, h.stride}, y);
}

template <class T>
void dct3(const RealFft& hartley, const T* rotations, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  const int64_t n = hartley.n();
  rotate(n, rotations, lanes, x, y);
  const Rows<T> h{scratch, lanes};
  hartley.forward(lanes, Rows<const T>{y.data, y.stride}, h, scratch + n * lanes);
  for (int64_t j = 0; j < n; ++j) std::copy_n(h[j], lanes, y[dct_row(j, n)]);
}

}  // namespace

RealFft::RealFft(int64_t n, FftPart part, double scale)
    : n_(n),
      part_(part),
      scale_(scale),
      f32_(make_tables<float>(n, part, scale)),
      f64_(make_tables<double>(n, part, scale)) {}

template <>
const RealFft::Tables<float>& RealFft::tables() const {
  return f32_;
}
template <>
const RealFft::Tables<double>& RealFft::tables() const {
  return f64_;
}

std::vector<double> RealFft::matrix() const {
  std::vector<double> a(size_t(n_ * n_));
  for (int64_t k = 0; k < n_; ++k) {
    for (int64_t j = 0; j < n_; ++j) {
      const double angle = 2 * std::numbers::pi * double(j * k % n_) / double(n_);
      a[size_t(k * n_ + j)] = scale_ * (std::cos(angle) + (part_ == FftPart::kHartley ? std::sin(angle) : 0));
    }
  }
  return a;
}

OpCount RealFft::ops() const {
  const OpCount fft = fft_ops(f64_.plan);
  const bool real = part_ == FftPart::kReal;
  const OpCount two_rows = real ? OpCount{0, 1} : OpCount{2, 2};
  if (n_ % 2) return fft + OpCount{0, 1} + double(n_ / 2) * two_rows;
  const int64_t m = n_ / 2;
  const OpCount four_rows = (real ? OpCount{6, 2} : OpCount{10, 4}) + 2 * two_rows;
  return fft + OpCount{2, 2} + double((m - 1) / 2) * four_rows + double(m % 2 == 0) * two_rows;
}

void RealFft::forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(real_fft_f32)(f32_, lanes, x, y, scratch);
}
void RealFft::forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  HWY_DYNAMIC_DISPATCH(real_fft_f64)(f64_, lanes, x, y, scratch);
}
void RealFft::adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  forward(lanes, x, y, scratch);
}
void RealFft::adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  forward(lanes, x, y, scratch);
}

// y_k = s_k sum_j x_j cos(pi (2j + 1) k / 2n) = s_k Re(exp(-i pi k / 2n) V_k), V the FFT of the reordered x, and
// Re V_k = (h_k + h_-k) / 2, Im V_k = (h_-k - h_k) / 2.
Dct::Dct(int64_t n) : hartley_(n, FftPart::kHartley, 1) {
  for (int64_t k = 0; 2 * k <= n; ++k) {
    const double angle = std::numbers::pi * double(k) / double(2 * n), scale = std::sqrt(2 / double(n));
    const bool alone = k == 0 || 2 * k == n;
    rotations_f64_.push_back(alone ? 1 / std::sqrt(double(n)) : scale / 2 * (std::cos(angle) - std::sin(angle)));
    rotations_f64_.push_back(scale / 2 * (std::cos(angle) + std::sin(angle)));
  }
  rotations_f32_.assign(rotations_f64_.begin(), rotations_f64_.end());
}

std::vector<double> Dct::matrix() const {
  std::vector<double> a(size_t(n() * n()));
  for (int64_t k = 0; k < n(); ++k) {
    for (int64_t j = 0; j < n(); ++j) {
      const double angle = std::numbers::pi * double((2 * j + 1) * k % (4 * n())) / double(2 * n());
      a[size_t(k * n() + j)] = std::sqrt((k == 0 ? 1 : 2) / double(n())) * std::cos(angle);
    }
  }
  return a;
}

OpCount Dct::ops() const {
  const double pairs = double((n() - 1) / 2), alone = double(n() % 2 == 0 ? 2 : 1);
  return hartley_.ops() + pairs * OpCount{2, 4} + alone * OpCount{0, 1};
}

void Dct::forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  dct2(hartley_, rotations_f32_.data(), lanes, x, y, scratch);
}
void Dct::forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  dct2(hartley_, rotations_f64_.data(), lanes, x, y, scratch);
}
void Dct::adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  dct3(hartley_, rotations_f32_.data(), lanes, x, y, scratch);
}
void Dct::adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  dct3(hartley_, rotations_f64_.data(), lanes, x, y, scratch);
}

void add_rows(int64_t lanes, float scale, const float* a, const float* b, float* out) {
  HWY_DYNAMIC_DISPATCH(add_rows_f32)(lanes, scale, a, b, out);
}
void add_rows(int64_t lanes, double scale, const double* a, const double* b, double* out) {
  HWY_DYNAMIC_DISPATCH(add_rows_f64)(lanes, scale, a, b, out);
}
void cas_rows(int64_t lanes, float scale, const float* a, const float* b, const float* c, const float* d, float* out) {
  HWY_DYNAMIC_DISPATCH(cas_rows_f32)(lanes, scale, a, b, c, d, out);
}
void cas_rows(int64_t lanes, double scale, const double* a, const double* b, const double* c, const double* d,
              double* out) {
  HWY_DYNAMIC_DISPATCH(cas_rows_f64)(lanes, scale, a, b, c, d, out);
}

}  // namespace spikemix
#endif  // HWY_ONCE
