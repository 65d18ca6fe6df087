// SPDX-License-Identifier: MIT
#include "spikemix/kernels/gate/gate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/gate/gate.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "spikemix/kernels/gate/gate-inl.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
using F32 = hwy::HWY_NAMESPACE::CappedTag<float, kLanes>;
using F64 = hwy::HWY_NAMESPACE::CappedTag<double, kLanes>;

void gate_f32(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<float> x) {
  gate_panel(F32(), plan, lanes, gate, x);
}
void gate_f64(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<double> x) {
  gate_panel(F64(), plan, lanes, gate, x);
}
void gate_back_f32(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<const float> x, Rows<float> g,
                   Rows<float> sums) {
  gate_panel_back(F32(), plan, lanes, gate, x, g, sums);
}
void gate_back_f64(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<const double> x, Rows<double> g,
                   Rows<double> sums) {
  gate_panel_back(F64(), plan, lanes, gate, x, g, sums);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {
namespace {
HWY_EXPORT(gate_f32);
HWY_EXPORT(gate_f64);
HWY_EXPORT(gate_back_f32);
HWY_EXPORT(gate_back_f64);

// What a plan gates, by its place (u, v) in the grid; rows of packed gates are numbered in the order of assignment.
class Planner {
 public:
  Planner(GatePlan& plan, int64_t height, int64_t width) : plan_(plan), height_(height), width_(width) {}

  void run() {
    // Gates are in this order: quads, pairs, singles.
    for_halves([&](int64_t u, int64_t v, bool u_alone, bool v_alone) {
      if (!u_alone && !v_alone) quad(u, v);
    });
    for_halves([&](int64_t u, int64_t v, bool u_alone, bool v_alone) {
      if (u_alone != v_alone && plan_.kind == GateKind::kFourier) pair(u, v, u_alone);
    });
    for_halves([&](int64_t u, int64_t v, bool u_alone, bool v_alone) {
      if (u_alone && v_alone)
        single(u, v);
      else if (u_alone != v_alone && plan_.kind == GateKind::kHartley)
        single(u, v), single(minus(u, height_), minus(v, width_));
    });
  }

 private:
  static int64_t minus(int64_t i, int64_t n) { return (n - i) % n; }
  int64_t row(int64_t u, int64_t v) const { return u * width_ + v; }
  // The real (0) or imaginary (1) part of k(u, v), 2 v <= width.
  int64_t tensor(int64_t u, int64_t v, int64_t part) const { return 2 * (u * (width_ / 2 + 1) + v) + part; }

  // (u, v), with one of u and -u and one of v and -v; alone: it is its own mirror image.
  template <class Visit>
  void for_halves(const Visit& visit) const {
    for (int64_t u = 0; 2 * u <= height_; ++u) {
      for (int64_t v = 0; 2 * v <= width_; ++v) visit(u, v, u == minus(u, height_), v == minus(v, width_));
    }
  }

  void entry(int64_t tensor, double factor) { plan_.entries.push_back({next_, tensor, factor}); }

  // The sums of rows lack a factor 1/2 on each side: in the transform (kHartley) and in the inverse. The gates supply
  // it.
  void quad(int64_t u, int64_t v) {
    const int64_t minus_u = minus(u, height_), minus_v = minus(v, width_);
    const std::array<int64_t, 4> rows = {row(u, v), row(minus_u, minus_v), row(u, minus_v), row(minus_u, v)};
    plan_.quads.push_back(rows);
    if (plan_.kind == GateKind::kHartley) {
      for (const int64_t r : rows) entry(r, 0.25), ++next_;
      return;
    }
    entry(tensor(u, v, 0), 0.5), ++next_;
    entry(tensor(u, v, 1), 0.5), ++next_;
    entry(tensor(minus_u, v, 0), 0.5), ++next_;  // k(u, -v) is the conjugate of k(-u, v)
    entry(tensor(minus_u, v, 1), -0.5), ++next_;
  }

  // If v is its own mirror image, the tensor has both k(u, v) and k(-u, v), which irfft2 makes conjugates of each
  // other.
  void pair(int64_t u, int64_t v, bool u_alone) {
    const int64_t minus_u = minus(u, height_);
    plan_.pairs.push_back({row(u, v), row(minus_u, minus(v, width_))});
    for (const int64_t part : {0, 1}) {
      if (u_alone)
        entry(tensor(u, v, part), 0.5);
      else
        entry(tensor(u, v, part), 0.25), entry(tensor(minus_u, v, part), part ? -0.25 : 0.25);
      ++next_;
    }
  }

  void single(int64_t u, int64_t v) {
    plan_.singles.push_back(row(u, v));
    entry(plan_.kind == GateKind::kFourier ? tensor(u, v, 0) : row(u, v), 1), ++next_;
  }

  GatePlan& plan_;
  int64_t height_, width_, next_ = 0;
};

}  // namespace

GatePlan::GatePlan(GateKind gates, int64_t height, int64_t width) : kind(gates), rows(height * width) {
  if (kind != GateKind::kRows) {
    Planner(*this, height, width).run();
    return;
  }
  for (int64_t row = 0; row < rows; ++row) singles.push_back(row), entries.push_back({row, row, 1});
}

OpCount GatePlan::ops() const {
  const OpCount quad = kind == GateKind::kFourier ? OpCount{12, 8} : OpCount{16, 4};
  return double(quads.size()) * quad + double(pairs.size()) * OpCount{6, 4} + double(singles.size()) * OpCount{0, 1};
}

void apply_gates(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<float> x) {
  HWY_DYNAMIC_DISPATCH(gate_f32)(plan, lanes, gate, x);
}
void apply_gates(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<double> x) {
  HWY_DYNAMIC_DISPATCH(gate_f64)(plan, lanes, gate, x);
}
void adjoint_gates(const GatePlan& plan, int64_t lanes, Rows<const float> gate, Rows<const float> x, Rows<float> g,
                   Rows<float> sums) {
  HWY_DYNAMIC_DISPATCH(gate_back_f32)(plan, lanes, gate, x, g, sums);
}
void adjoint_gates(const GatePlan& plan, int64_t lanes, Rows<const double> gate, Rows<const double> x, Rows<double> g,
                   Rows<double> sums) {
  HWY_DYNAMIC_DISPATCH(gate_back_f64)(plan, lanes, gate, x, g, sums);
}

}  // namespace spikemix
#endif  // HWY_ONCE
