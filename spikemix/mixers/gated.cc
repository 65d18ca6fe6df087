// SPDX-License-Identifier: MIT
#include "spikemix/mixers/gated.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/kernels/fft/hartley.h"
#include "spikemix/kernels/hadamard/hadamard.h"
#include "spikemix/mixers/lines.h"
#include "spikemix/plan/branch.h"

namespace spikemix {
namespace {

// visit(packed value, value of the tensor, factor). The parts of complex gates are adjacent in the tensor.
template <class Packed, class Gate, class Visit>
void for_entries(const GatePlan& plan, int64_t D, int64_t padded, Packed* packed, Gate* gate, const Visit& visit) {
  const int64_t parts = plan.kind == GateKind::kFourier ? 2 : 1;
  for (const GatePlan::Entry& entry : plan.entries) {
    Packed* const row = packed + entry.packed * padded;
    Gate* const values = gate + entry.tensor / parts * parts * D + entry.tensor % parts;
    for (int64_t d = 0; d < D; ++d) visit(row[d], values[d * parts], Gate(entry.factor));
  }
}

template <class T>
void pack_gates(const GatePlan& plan, int64_t D, int64_t padded, const T* gate, T* packed) {
  std::fill_n(packed, plan.rows * padded, T(0));
  for_entries(plan, D, padded, packed, gate, [](T& to, const T& from, T factor) { to += factor * from; });
}

template <class T>
void unpack_gates(const GatePlan& plan, int64_t D, int64_t padded, int64_t values, const T* packed, T* gate) {
  std::fill_n(gate, values, T(0));
  for_entries(plan, D, padded, packed, gate, [](const T& from, T& to, T factor) { to += factor * from; });
}

}  // namespace

// Some channels of all rows, in dense buffers [rows, lanes] between the transforms.
template <class T>
class GatedTransform::Panel {
 public:
  Panel(const GatedTransform& of, int64_t panel, T* scratch)
      : of_(of),
        first_(panel * of.panel_lanes()),
        used_(std::min(of.panel_lanes(), of.D_ - first_)),
        lanes_((used_ + kLanes - 1) / kLanes * kLanes),
        inside_(scratch + 3 * of.plan_.rows * of.panel_lanes()) {
    for (int i = 0; i < 3; ++i) buffers_[i] = {scratch + i * of.plan_.rows * lanes_, lanes_};
  }

  void forward(const T* packed, const T* x, T* y) const {
    analyse(x, buffers_[0]);
    apply_gates(of_.plan_, lanes_, gates(packed), buffers_[0]);
    synthesise(y);
  }

  void backward(const T* packed, const T* x, const T* for_y, T* for_x, T* sums) const {
    analyse(x, buffers_[2]);
    analyse(for_y, buffers_[0]);
    adjoint_gates(of_.plan_, lanes_, gates(packed), constant(buffers_[2]), buffers_[0], gates(sums));
    synthesise(for_x);
  }

 private:
  static Rows<const T> constant(Rows<T> rows) { return {rows.data, rows.stride}; }
  template <class G>
  Rows<G> gates(G* packed) const {
    return {packed + first_, of_.padded()};
  }

  // Writes the transform of one sample to `to`. Channels that do not fill a vector are copied and padded with zeros.
  void analyse(const T* x, Rows<T> to) const {
    Rows<const T> from{x + first_, of_.D_};
    if (used_ < lanes_) {
      for (int64_t row = 0; row < of_.plan_.rows; ++row) {
        std::copy_n(from[row], used_, to[row]);
        std::fill(to[row] + used_, to[row] + lanes_, T(0));
      }
      from = constant(to);
    }
    horizontal(Direction::kForward, from, buffers_[1]);
    vertical(Direction::kForward, constant(buffers_[1]), to);
  }

  // Transforms the first buffer, whose values are lost.
  void synthesise(T* y) const {
    vertical(Direction::kAdjoint, constant(buffers_[0]), buffers_[1]);
    const Rows<T> out{y + first_, of_.D_};
    if (used_ == lanes_) return horizontal(Direction::kAdjoint, constant(buffers_[1]), out);
    horizontal(Direction::kAdjoint, constant(buffers_[1]), buffers_[0]);
    for (int64_t row = 0; row < of_.plan_.rows; ++row) std::copy_n(buffers_[0][row], used_, out[row]);
  }

  void horizontal(Direction direction, Rows<const T> x, Rows<T> y) const {
    const int64_t width = of_.width();
    for (int64_t row = 0; row < of_.plan_.rows; row += width)
      line(*of_.horizontal_, direction, {x[row], x.stride}, {y[row], y.stride});
  }

  void vertical(Direction direction, Rows<const T> x, Rows<T> y) const {
    const int64_t width = of_.width();
    for (int64_t column = 0; column < width; ++column)
      line(*of_.vertical_, direction, {x[column], x.stride * width}, {y[column], y.stride * width});
  }

  void line(const LineTransform& transform, Direction direction, Rows<const T> x, Rows<T> y) const {
    if (direction == Direction::kForward)
      transform.forward(lanes_, x, y, inside_);
    else
      transform.adjoint(lanes_, x, y, inside_);
  }

  const GatedTransform& of_;
  int64_t first_, used_, lanes_;
  T* inside_;
  Rows<T> buffers_[3];
};

GatedTransform::GatedTransform(GateKind kind, int64_t D, std::unique_ptr<LineTransform> vertical,
                               std::unique_ptr<LineTransform> horizontal)
    : plan_(kind, vertical->n(), horizontal->n()),
      D_(D),
      vertical_(std::move(vertical)),
      horizontal_(std::move(horizontal)) {}

std::vector<int64_t> GatedTransform::gate_shape() const {
  if (complex()) return {height(), width() / 2 + 1, D_, 2};
  return {height(), width(), D_};
}

int64_t GatedTransform::gate_size() const {
  int64_t size = 1;
  for (const int64_t n : gate_shape()) size *= n;
  return size;
}

void GatedTransform::pack(const float* gate, float* packed) const { pack_gates(plan_, D_, padded(), gate, packed); }
void GatedTransform::pack(const double* gate, double* packed) const { pack_gates(plan_, D_, padded(), gate, packed); }

void GatedTransform::unpack(const float* packed, float* gate) const {
  unpack_gates(plan_, D_, padded(), gate_size(), packed, gate);
}
void GatedTransform::unpack(const double* packed, double* gate) const {
  unpack_gates(plan_, D_, padded(), gate_size(), packed, gate);
}

// A panel should stay near L1. In narrower ones the calls of short transforms cost more than their work: at 8 x 8
// tokens, 128 lanes take three quarters of the time of 64.
int64_t GatedTransform::panel_lanes() const {
  constexpr int64_t kValues = 8192;
  return std::clamp(kValues / plan_.rows / kLanes * kLanes, kLanes, std::min(8 * kLanes, padded()));
}

int64_t GatedTransform::panels() const { return (D_ + panel_lanes() - 1) / panel_lanes(); }

int64_t GatedTransform::scratch_size() const {
  const int64_t lanes = panel_lanes();
  return 3 * plan_.rows * lanes + std::max(vertical_->scratch_size(lanes), horizontal_->scratch_size(lanes));
}

void GatedTransform::forward(int64_t panel, int64_t samples, const float* packed, const float* x, float* y,
                             float* scratch) const {
  run_forward(panel, samples, packed, x, y, scratch);
}
void GatedTransform::forward(int64_t panel, int64_t samples, const double* packed, const double* x, double* y,
                             double* scratch) const {
  run_forward(panel, samples, packed, x, y, scratch);
}
template <class T>
void GatedTransform::run_forward(int64_t panel, int64_t samples, const T* packed, const T* x, T* y, T* scratch) const {
  const Panel<T> channels(*this, panel, scratch);
  for (int64_t s = 0; s < samples; ++s) channels.forward(packed, x + s * sample_size(), y + s * sample_size());
}

void GatedTransform::backward(int64_t panel, int64_t samples, const float* packed, const float* x, const float* for_y,
                              float* for_x, float* sums, float* scratch) const {
  run_backward(panel, samples, packed, x, for_y, for_x, sums, scratch);
}
void GatedTransform::backward(int64_t panel, int64_t samples, const double* packed, const double* x,
                              const double* for_y, double* for_x, double* sums, double* scratch) const {
  run_backward(panel, samples, packed, x, for_y, for_x, sums, scratch);
}
template <class T>
void GatedTransform::run_backward(int64_t panel, int64_t samples, const T* packed, const T* x, const T* for_y, T* for_x,
                                  T* sums, T* scratch) const {
  const Panel<T> channels(*this, panel, scratch);
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t at = s * sample_size();
    channels.backward(packed, x + at, for_y + at, for_x + at, sums);
  }
}

OpCount GatedTransform::ops() const {
  const auto along = [](const LineTransform& t, int64_t lines) {
    return t.n() > 1 ? double(lines) * t.ops() : OpCount{};
  };
  const OpCount transform = along(*vertical_, width()) + along(*horizontal_, height());
  return double(D_) * (2 * transform + plan_.ops());
}

// --- the transforms by name ------------------------------------------------------------------------------------------

namespace {

GateKind kind_of(const std::string& transform) {
  if (transform == "fft2d") return GateKind::kFourier;
  if (transform == "hartley") return GateKind::kHartley;
  const std::vector<std::string> names = {"fft2d", "hartley", "dct", "hadamard", "wt2d"};
  if (std::find(names.begin(), names.end(), transform) == names.end())
    throw input_error("unknown transform {}", unknown_name(transform, names));
  return GateKind::kRows;
}

std::unique_ptr<LineTransform> make_line(const MixerOptions& options, const MixerAxis& axis) {
  const int64_t n = axis.view.n;
  if (n == 1) return std::make_unique<Hadamard>(1);  // nothing to transform: y = x
  if (options.transform == "dct") return std::make_unique<Dct>(n);
  if (options.transform == "hadamard") return hadamard_line(axis);
  if (options.transform == "wt2d") return wavelet_line(axis, find_wavelet(options.wavelet).analysis, options.levels);
  return std::make_unique<RealFft>(n, FftPart::kHartley, 1 / std::sqrt(double(n)));
}

}  // namespace

std::unique_ptr<GatedTransform> make_gated(const MixerShape& shape, const MixerOptions& options) {
  const GateKind kind = kind_of(options.transform);
  if (options.transform == "wt2d" && !find_wavelet(options.wavelet).orthogonal)
    throw input_error("wavelet '{}' is not orthogonal, expected haar, db*, sym* or coif*", options.wavelet);
  const MixerAxes axes = mixer_axes(shape, options, "height,width");
  std::unique_ptr<LineTransform> vertical, horizontal;
  for (const MixerAxis& axis : axes.axes) {
    if (axis.name == "height")
      vertical = make_line(options, axis);
    else if (axis.name == "width" || axis.name == "tokens")
      horizontal = make_line(options, axis);
    else
      throw input_error("axes: a gate is one channel's at one time step, expected height,width or tokens");
  }
  if (!vertical && axes.axes[0].name == "tokens") vertical = std::make_unique<Hadamard>(1);
  if (!vertical || !horizontal)
    throw input_error("axes '{}': a gate has two axes or all tokens in one line, expected height,width or tokens",
                      axes.axes[0].name);
  return std::make_unique<GatedTransform>(kind, shape.D, std::move(vertical), std::move(horizontal));
}

void add_gated(Branch& branch, const MixerOptions& options) {
  const ValuePlan& x = branch.shape();
  std::shared_ptr<const GatedTransform> gated =
      make_gated({.height = x.height, .width = x.width, .D = x.channels}, options);
  std::vector<int64_t> shape = gated->gate_shape();
  branch.gated(text_of(find_mixer("gated"), options), std::move(gated), std::move(shape));
}

}  // namespace spikemix
