// SPDX-License-Identifier: MIT
#include "spikemix/mixers/separable.h"

#include <algorithm>
#include <utility>

namespace spikemix {

Separable::Separable(MixerAxes axes, std::vector<std::unique_ptr<LineTransform>> transforms, bool transposed)
    : axes_(std::move(axes)), transforms_(std::move(transforms)), transposed_(transposed) {}

int64_t Separable::scratch_size() const {
  int64_t lines = 0;
  for (size_t i = 0; i < transforms_.size(); ++i) {
    lines = std::max(lines, line_scratch_size(*transforms_[i], axes_.axes[i].view));
  }
  return lines + (transforms_.size() > 1 ? axes_.sample_size() : 0);
}

// Passes alternate between y and a sample in scratch, such that the last one writes y.
template <class T>
void Separable::run(Direction direction, const T* x, T* y, T* scratch) const {
  const size_t passes = transforms_.size();
  T* const between = scratch;
  T* const inside = passes > 1 ? scratch + axes_.sample_size() : scratch;
  const T* from = x;
  for (size_t i = 0; i < passes; ++i) {
    T* const to = (passes - i) % 2 == 1 ? y : between;
    apply_line(*transforms_[i], direction, axes_.axes[i].view, from, to, inside);
    from = to;
  }
}

void Separable::forward(int64_t, const float* x, float* y, float* scratch) const {
  run(transposed_ ? Direction::kAdjoint : Direction::kForward, x, y, scratch);
}
void Separable::forward(int64_t, const double* x, double* y, double* scratch) const {
  run(transposed_ ? Direction::kAdjoint : Direction::kForward, x, y, scratch);
}
void Separable::adjoint(int64_t, const float* y, float* x, float* scratch) const {
  run(transposed_ ? Direction::kForward : Direction::kAdjoint, y, x, scratch);
}
void Separable::adjoint(int64_t, const double* y, double* x, double* scratch) const {
  run(transposed_ ? Direction::kForward : Direction::kAdjoint, y, x, scratch);
}

OpCount Separable::ops() const {
  OpCount total;
  for (size_t i = 0; i < transforms_.size(); ++i) {
    const LineView view = axes_.axes[i].view;
    total = total + double(view.outer * view.inner) * transforms_[i]->ops();
  }
  return 1 / double(axes_.sizes[0]) * total;
}

std::vector<SeparableTerm> Separable::terms() const {
  SeparableTerm term;
  for (size_t i = 0; i < transforms_.size(); ++i) {
    const int64_t n = transforms_[i]->n();
    std::vector<double> matrix = transforms_[i]->matrix();
    for (int64_t r = 0; transposed_ && r < n; ++r) {
      for (int64_t c = 0; c < r; ++c) std::swap(matrix[size_t(r * n + c)], matrix[size_t(c * n + r)]);
    }
    term.axes.push_back({axes_.axes[i].name, n, std::move(matrix)});
  }
  return {term};
}

}  // namespace spikemix
