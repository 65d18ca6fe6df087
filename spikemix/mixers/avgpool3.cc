// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "spikemix/mixers/separable.h"

namespace spikemix {
namespace {

// y_i = the mean of x_i-1, x_i and x_i+1, or of those that exist.
class Mean3 final : public LineTransform {
 public:
  explicit Mean3(int64_t n) : n_(n) {}

  int64_t n() const override { return n_; }
  std::vector<double> matrix() const override {
    std::vector<double> a(size_t(n_ * n_), 0);
    for (int64_t i = 0; i < n_; ++i) {
      for (int64_t j = first(i); j <= last(i); ++j) a[size_t(i * n_ + j)] = 1 / double(last(i) - first(i) + 1);
    }
    return a;
  }
  OpCount ops() const override {
    double additions = 0;
    for (int64_t i = 0; i < n_; ++i) additions += double(last(i) - first(i));
    return {additions, double(n_)};
  }
  int64_t scratch_size(int64_t) const override { return 0; }
  void forward(int64_t lanes, Rows<const float> x, Rows<float> y, float*) const override { mean(lanes, x, y); }
  void forward(int64_t lanes, Rows<const double> x, Rows<double> y, double*) const override { mean(lanes, x, y); }
  void adjoint(int64_t lanes, Rows<const float> x, Rows<float> y, float*) const override { spread(lanes, x, y); }
  void adjoint(int64_t lanes, Rows<const double> x, Rows<double> y, double*) const override { spread(lanes, x, y); }

 private:
  int64_t first(int64_t i) const { return std::max<int64_t>(0, i - 1); }
  int64_t last(int64_t i) const { return std::min(n_ - 1, i + 1); }
  template <class T>
  T share(int64_t i) const {
    return T(1) / T(last(i) - first(i) + 1);
  }

  template <class T>
  void mean(int64_t lanes, Rows<const T> x, Rows<T> y) const {
    for (int64_t i = 0; i < n_; ++i) {
      std::copy_n(x[first(i)], lanes, y[i]);
      for (int64_t j = first(i) + 1; j <= last(i); ++j) {
        for (int64_t lane = 0; lane < lanes; ++lane) y[i][lane] += x[j][lane];
      }
      for (int64_t lane = 0; lane < lanes; ++lane) y[i][lane] *= share<T>(i);
    }
  }
  template <class T>
  void spread(int64_t lanes, Rows<const T> x, Rows<T> y) const {
    for (int64_t j = 0; j < n_; ++j) {
      std::fill_n(y[j], lanes, T(0));
      for (int64_t i = first(j); i <= last(j); ++i) {
        for (int64_t lane = 0; lane < lanes; ++lane) y[j][lane] += share<T>(i) * x[i][lane];
      }
    }
  }

  int64_t n_;
};

}  // namespace

/// torch.nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False) over the token grid. It is separable: the number
/// of tokens in a window is that of its rows times that of its columns.
std::unique_ptr<Mixer> make_avgpool3(const MixerShape& shape, const MixerOptions&) {
  MixerOptions grid;
  grid.axes = "height,width";
  MixerAxes axes = mixer_axes(shape, grid, "");
  std::vector<std::unique_ptr<LineTransform>> transforms;
  for (const MixerAxis& axis : axes.axes) transforms.push_back(std::make_unique<Mean3>(axis.view.n));
  return std::make_unique<Separable>(std::move(axes), std::move(transforms), /*transposed=*/false);
}

}  // namespace spikemix
