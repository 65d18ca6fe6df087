// SPDX-License-Identifier: MIT
#include "spikemix/mixers/fourier.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "spikemix/kernels/fft/hartley.h"
#include "spikemix/mixers/axes.h"

namespace spikemix {
namespace {

// With F = C - i S along each axis (C and S real and symmetric), the FFT over axes 1..d is the product of all F, and
// neither its real part nor Re - Im is a product of real maps. But both follow from the Hartley transforms C + S along
// each axis, which cost half as much as a complex FFT. Let G be Re - Im over the axes so far, g = G x, and h = (C + S)
// g along one more axis. With -a for the index reversed (k -> -k mod n) along the axes so far, and -b along the new
// one,
//
//   Re - Im over all of them:  (h(a, b) + h(-a, b) + h(a, -b) - h(-a, -b)) / 2     (Bracewell, 1983)
//   Re over all of them:       (h(a, -b) + h(-a, b)) / 2
//
// Every map here is symmetric, so the mixer is its own adjoint.
class Fourier final : public Mixer {
 public:
  Fourier(MixerAxes axes, bool hartley, double scale) : axes_(std::move(axes)), hartley_(hartley), scale_(scale) {
    const bool alone = axes_.axes.size() == 1;
    for (const MixerAxis& axis : axes_.axes) {
      const FftPart part = alone && !hartley ? FftPart::kReal : FftPart::kHartley;
      transforms_.emplace_back(axis.view.n, part, alone ? scale : 1);
    }
  }

  bool mixes_time() const override { return axes_.time(); }

  // Two reversed rows along the embedding, two samples between the passes, and the memory of one pass.
  int64_t scratch_size() const override {
    int64_t lines = 0;
    for (size_t i = 0; i < transforms_.size(); ++i) {
      lines = std::max(lines, line_scratch_size(transforms_[i], axes_.axes[i].view));
    }
    return lines + (transforms_.size() > 1 ? 2 * axes_.sample_size() + 2 * axes_.sizes[3] : 0);
  }

  void forward(int64_t, const float* x, float* y, float* scratch) const override { run(x, y, scratch); }
  void forward(int64_t, const double* x, double* y, double* scratch) const override { run(x, y, scratch); }
  void adjoint(int64_t, const float* y, float* x, float* scratch) const override { run(y, x, scratch); }
  void adjoint(int64_t, const double* y, double* x, double* scratch) const override { run(y, x, scratch); }

  OpCount ops() const override {
    OpCount total;
    for (size_t i = 0; i < transforms_.size(); ++i) {
      const LineView view = axes_.axes[i].view;
      total = total + double(view.outer * view.inner) * transforms_[i].ops();
      if (i > 0) total = total + double(axes_.sample_size()) * OpCount{is_real(i) ? 1.0 : 3.0, 1};
    }
    return 1 / double(axes_.sizes[0]) * total;
  }

  // Re prod (C_a - i S_a): a term for every choice of C or S on each axis, by the number of S: 1, -i, -1, i, ...
  std::vector<SeparableTerm> terms() const override {
    std::vector<SeparableTerm> terms;
    const size_t count = axes_.axes.size();
    for (size_t choice = 0; choice < (size_t{1} << count); ++choice) {
      SeparableTerm term;
      int sines = 0;
      for (size_t i = 0; i < count; ++i) {
        const bool sine = choice >> i & 1;
        sines += sine;
        term.axes.push_back({axes_.axes[i].name, axes_.axes[i].view.n, cosine_or_sine(axes_.axes[i].view.n, sine)});
      }
      if (!hartley_ && sines % 2 == 1) continue;
      term.sign = sines % 4 < 2 ? 1 : -1;
      for (double& value : term.axes[0].values) value *= scale_;
      terms.push_back(std::move(term));
    }
    return terms;
  }

 private:
  static std::vector<double> cosine_or_sine(int64_t n, bool sine) {
    const RealFft cosine_map(n, FftPart::kReal, 1), both(n, FftPart::kHartley, 1);
    std::vector<double> c = cosine_map.matrix(), h = both.matrix();
    for (size_t i = 0; sine && i < c.size(); ++i) c[i] = h[i] - c[i];
    return c;
  }

  // The pass of axis i > 0 produces the real part, or Re - Im.
  bool is_real(size_t i) const { return !hartley_ && i + 1 == axes_.axes.size(); }

  template <class T>
  void run(const T* x, T* y, T* scratch) const {
    if (transforms_.size() == 1) {
      return apply_line(transforms_[0], Direction::kForward, axes_.axes[0].view, x, y, scratch);
    }
    T* const g = scratch;
    T* const h = g + axes_.sample_size();
    T* const rows = h + axes_.sample_size();
    T* const inside = rows + 2 * axes_.sizes[3];
    apply_line(transforms_[0], Direction::kForward, axes_.axes[0].view, x, g, inside);
    for (size_t i = 1; i < transforms_.size(); ++i) {
      apply_line(transforms_[i], Direction::kForward, axes_.axes[i].view, g, h, inside);
      combine(i, h, i + 1 == transforms_.size() ? y : g, rows);
    }
  }

  // A row along the embedding, at the index that is reversed along the chosen dimensions (bits of `reversed`).
  template <class T>
  const T* row_at(const T* h, std::array<int64_t, 3> at, int reversed, T* buffer) const {
    int64_t index = 0;
    for (int i = 0; i < 3; ++i) {
      const int64_t size = axes_.sizes[size_t(i)], k = at[size_t(i)];
      index = index * size + (reversed >> i & 1 ? (size - k) % size : k);
    }
    const int64_t D = axes_.sizes[3];
    const T* const row = h + index * D;
    if (!(reversed >> 3 & 1)) return row;
    buffer[0] = row[0];
    std::reverse_copy(row + 1, row + D, buffer + 1);
    return buffer;
  }

  template <class T>
  void combine(size_t i, const T* h, T* out, T* rows) const {
    int a = 0;
    for (size_t j = 0; j < i; ++j) a |= 1 << axes_.axes[j].dimension;
    const int b = 1 << axes_.axes[i].dimension;
    const int64_t D = axes_.sizes[3];
    const T scale = T(0.5 * (i + 1 == axes_.axes.size() ? scale_ : 1));
    std::array<int64_t, 3> at{};
    for (at[0] = 0; at[0] < axes_.sizes[0]; ++at[0]) {
      for (at[1] = 0; at[1] < axes_.sizes[1]; ++at[1]) {
        for (at[2] = 0; at[2] < axes_.sizes[2]; ++at[2], out += D) {
          // The embedding is in a, in b or in neither: only one of -a and -b is a reversed copy.
          const T *minus_a = row_at(h, at, a, rows), *minus_b = row_at(h, at, b, rows);
          if (is_real(i)) {
            add_rows(D, scale, minus_a, minus_b, out);
          } else {
            cas_rows(D, scale, row_at(h, at, 0, rows), minus_a, minus_b, row_at(h, at, a | b, rows + D), out);
          }
        }
      }
    }
  }

  MixerAxes axes_;
  bool hartley_;
  double scale_;
  std::vector<RealFft> transforms_;
};

}  // namespace

std::unique_ptr<Mixer> make_fourier(const MixerShape& shape, const MixerOptions& options, const std::string& own,
                                    bool hartley, FftNorm norm) {
  MixerAxes axes = mixer_axes(shape, options, own);
  double n = 1;
  for (const MixerAxis& axis : axes.axes) n *= double(axis.view.n);
  const double scale = norm == FftNorm::kOrtho ? 1 / std::sqrt(n) : options.inverse ? 1 / n : 1;
  return std::make_unique<Fourier>(std::move(axes), hartley, scale);
}

}  // namespace spikemix
