// SPDX-License-Identifier: MIT
#include "spikemix/kernels/dwt/dwt.h"

#include <algorithm>
#include <cmath>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/dwt/dwt.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/dwt/dwt-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
using F32 = hwy::HWY_NAMESPACE::CappedTag<float, kLanes>;
using F64 = hwy::HWY_NAMESPACE::CappedTag<double, kLanes>;

void analysis_f32(const Dwt::Tables<float>& t, int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) {
  analysis(F32(), t, lanes, x, y, scratch);
}
void analysis_f64(const Dwt::Tables<double>& t, int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) {
  analysis(F64(), t, lanes, x, y, scratch);
}
void synthesis_f32(const Dwt::Tables<float>& t, int64_t lanes, Rows<const float> y, Rows<float> x, float* scratch) {
  synthesis(F32(), t, lanes, y, x, scratch);
}
void synthesis_f64(const Dwt::Tables<double>& t, int64_t lanes, Rows<const double> y, Rows<double> x, double* scratch) {
  synthesis(F64(), t, lanes, y, x, scratch);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {
namespace {
HWY_EXPORT(analysis_f32);
HWY_EXPORT(analysis_f64);
HWY_EXPORT(synthesis_f32);
HWY_EXPORT(synthesis_f64);

template <class T>
Dwt::Tables<T> make_tables(int64_t n, const WaveletFilters& filters, int64_t levels) {
  const std::vector<double>&low = filters.low, &high = filters.high;
  const bool haar =
      low.size() == 2 && low[0] == std::sqrt(0.5) && low[1] == low[0] && high[0] == -low[0] && high[1] == low[0];
  Dwt::Tables<T> t{n, levels, haar, {low.begin(), low.end()}, {high.begin(), high.end()}, {}};
  for (int64_t level = 0; level <= levels; ++level) t.scales.push_back(T(std::pow(2, -double(level) / 2)));
  return t;
}

}  // namespace

Dwt::Dwt(int64_t n, WaveletFilters filters, int64_t levels)
    : n_(n),
      filters_(std::move(filters)),
      f32_(make_tables<float>(n, filters_, levels)),
      f64_(make_tables<double>(n, filters_, levels)) {}

template <>
const Dwt::Tables<float>& Dwt::tables() const {
  return f32_;
}
template <>
const Dwt::Tables<double>& Dwt::tables() const {
  return f64_;
}

std::vector<double> Dwt::matrix() const {
  const int64_t n = n_, taps = int64_t(filters_.low.size());
  std::vector<double> a(size_t(n * n));
  for (int64_t i = 0; i < n; ++i) a[size_t(i * n + i)] = 1;
  for (int64_t level = 0; level < f64_.levels; ++level) {
    const std::vector<double> before = a;
    const int64_t all = (n + (int64_t{1} << level) - 1) >> level, rows = all / 2 * 2, averages = all - rows / 2;
    std::fill_n(a.begin(), size_t(all * n), 0.0);
    if (all > rows) std::copy_n(before.begin() + rows * n, n, a.begin() + (averages - 1) * n);
    for (int64_t o = 0; o < rows / 2; ++o) {
      for (int64_t j = 0; j < taps; ++j) {
        const int64_t from = (taps / 2 + 2 * o - j + taps * rows) % rows;
        for (int64_t c = 0; c < n; ++c) {
          a[size_t(o * n + c)] += filters_.low[size_t(j)] * before[size_t(from * n + c)];
          a[size_t((averages + o) * n + c)] += filters_.high[size_t(j)] * before[size_t(from * n + c)];
        }
      }
    }
  }
  return a;
}

OpCount Dwt::ops() const {
  double outputs = 0;  // over all levels
  int64_t rows = n_;
  for (int64_t level = 0; level < f64_.levels; ++level, rows = (rows + 1) / 2) outputs += double(rows / 2 * 2);
  const double n = double(n_);
  const double taps = double(filters_.low.size());
  return f64_.haar ? OpCount{outputs, n} : OpCount{(taps - 1) * outputs, taps * outputs};
}

void Dwt::forward(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(analysis_f32)(f32_, lanes, x, y, scratch);
}
void Dwt::forward(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  HWY_DYNAMIC_DISPATCH(analysis_f64)(f64_, lanes, x, y, scratch);
}
void Dwt::adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float* scratch) const {
  HWY_DYNAMIC_DISPATCH(synthesis_f32)(f32_, lanes, x, y, scratch);
}
void Dwt::adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double* scratch) const {
  HWY_DYNAMIC_DISPATCH(synthesis_f64)(f64_, lanes, x, y, scratch);
}

}  // namespace spikemix
#endif  // HWY_ONCE
