// SPDX-License-Identifier: MIT
#include "spikemix/kernels/gate/gate.h"

#include <cmath>
#include <complex>
#include <numbers>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "spikemix/kernels/gate/gate-inl.h"
#include "spikemix/kernels/line/counting.h"
#include "spikemix/kernels/spikes/on_every_target.h"

namespace spikemix {
namespace {

using counting::CountTag;
namespace kernel = HWY_NAMESPACE;
using Values = std::vector<double>;

struct Grid {
  int64_t height, width;
  int64_t rows() const { return height * width; }
};

Values random_values(int64_t n, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Values x(static_cast<size_t>(n));
  for (double& v : x) v = uniform(rng);
  return x;
}

// What the kernels read and write: the orthonormal Hartley transform along each axis, for one lane. Its own inverse.
Values along_axes(const Grid& g, const Values& x) {
  const auto cas = [](int64_t i, int64_t j, int64_t n) {
    const double angle = 2 * std::numbers::pi * double(i * j % n) / double(n);
    return (std::cos(angle) + std::sin(angle)) / std::sqrt(double(n));
  };
  Values y(x.size());
  for (int64_t i = 0; i < g.rows(); ++i) {
    for (int64_t j = 0; j < g.rows(); ++j)
      y[size_t(i)] += cas(i / g.width, j / g.width, g.height) * cas(i % g.width, j % g.width, g.width) * x[size_t(j)];
  }
  return y;
}

using Complex = std::complex<double>;

// sum_j exp(sign i 2 pi (...)) x_j / sqrt(N)
std::vector<Complex> fourier(const Grid& g, const std::vector<Complex>& x, double sign) {
  std::vector<Complex> y(x.size());
  for (int64_t i = 0; i < g.rows(); ++i) {
    for (int64_t j = 0; j < g.rows(); ++j) {
      const double turns = double(i / g.width * (j / g.width) % g.height) / double(g.height) +
                           double(i % g.width * (j % g.width) % g.width) / double(g.width);
      y[size_t(i)] += std::polar(1 / std::sqrt(double(g.rows())), sign * 2 * std::numbers::pi * turns) * x[size_t(j)];
    }
  }
  return y;
}

// Re(F^-1 (k F x)), with k at -w the conjugate of k at w: the definition of irfft2(k rfft2(x)). Taking the real part
// ignores imaginary parts of k that would give an imaginary output.
Values fourier_gated(const Grid& g, const Values& gate, const Values& x) {
  std::vector<Complex> f = fourier(g, {x.begin(), x.end()}, -1);
  const int64_t half = g.width / 2 + 1;
  for (int64_t u = 0; u < g.height; ++u) {
    for (int64_t v = 0; v < g.width; ++v) {
      const bool there = v < half;
      const int64_t at = 2 * ((there ? u : (g.height - u) % g.height) * half + (there ? v : g.width - v));
      const Complex k(gate[size_t(at)], gate[size_t(at + 1)]);
      f[size_t(u * g.width + v)] *= there ? k : std::conj(k);
    }
  }
  Values y;
  for (const Complex& c : fourier(g, f, 1)) y.push_back(c.real());
  return y;
}

// H k H x with H = Re - Im of the FFT.
Values hartley_gated(const Grid& g, const Values& gate, const Values& x) {
  const auto hartley = [&](const Values& v) {
    Values h;
    for (const Complex& c : fourier(g, {v.begin(), v.end()}, -1)) h.push_back(c.real() - c.imag());
    return h;
  };
  Values h = hartley(x);
  for (size_t i = 0; i < h.size(); ++i) h[i] *= gate[i];
  return hartley(h);
}

Values wanted(GateKind kind, const Grid& g, const Values& gate, const Values& x) {
  if (kind == GateKind::kFourier) return fourier_gated(g, gate, x);
  if (kind == GateKind::kHartley) return hartley_gated(g, gate, x);
  Values y = x;
  for (size_t i = 0; i < y.size(); ++i) y[i] *= gate[i];
  return y;
}

int64_t tensor_rows(GateKind kind, const Grid& g) {
  return kind == GateKind::kFourier ? 2 * g.height * (g.width / 2 + 1) : g.rows();
}

Values packed(const GatePlan& plan, const Values& gate) {
  Values rows(size_t(plan.rows));
  for (const GatePlan::Entry& e : plan.entries) rows[size_t(e.packed)] += e.factor * gate[size_t(e.tensor)];
  return rows;
}

// One value in every lane.
template <class T>
std::vector<T> lanes_of(const Values& x) {
  std::vector<T> lanes;
  for (const double v : x) lanes.insert(lanes.end(), kLanes, T(v));
  return lanes;
}
template <class T>
Values lane(const std::vector<T>& lanes, int64_t which) {
  Values x;
  for (size_t i = size_t(which); i < lanes.size(); i += kLanes) x.push_back(double(lanes[i]));
  return x;
}

double distance(const Values& a, const Values& b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::isnan(a[i]) ? INFINITY : std::max(most, std::abs(a[i] - b[i]));
  return most;
}
double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

template <class F>
void for_cases(const F& f) {
  for (const GateKind kind : {GateKind::kRows, GateKind::kHartley, GateKind::kFourier}) {
    for (const int64_t height : {1, 2, 3, 4, 5, 6, 7, 8, 17}) {
      for (const int64_t width : {1, 2, 3, 4, 5, 8, 9}) {
        SCOPED_TRACE(testing::Message() << int(kind) << ": " << height << " x " << width);
        f(kind, Grid{height, width}, GatePlan(kind, height, width));
      }
    }
  }
}

// The kernels between the transforms along the axes: x of one panel becomes y.
template <class T>
std::vector<T> gated(const GatePlan& plan, const Values& gate, const Values& x) {
  std::vector<T> rows = lanes_of<T>(x);
  const std::vector<T> gates = lanes_of<T>(packed(plan, gate));
  apply_gates(plan, kLanes, Rows<const T>{gates.data(), kLanes}, Rows<T>{rows.data(), kLanes});
  return rows;
}

Values transformed(GateKind kind, const Grid& g, const Values& x) {
  return kind == GateKind::kRows ? x : along_axes(g, x);
}

TEST(Gates, EqualTheDefinition) {
  for_cases([](GateKind kind, const Grid& g, const GatePlan& plan) {
    const Values gate = random_values(tensor_rows(kind, g), 1), x = random_values(g.rows(), 2);
    const Values want = wanted(kind, g, gate, x), c = transformed(kind, g, x);
    on_every_target([&] {
      for (const int64_t which : {int64_t{0}, kLanes - 1}) {
        EXPECT_LE(distance(transformed(kind, g, lane(gated<double>(plan, gate, c), which)), want), 1e-13);
        EXPECT_LE(distance(transformed(kind, g, lane(gated<float>(plan, gate, c), which)), want), 2e-6);
      }
    });
  });
}

// <g, M x> is linear in x and in the gate: the adjoint and the gradient give it back.
TEST(Gates, AdjointAndGradient) {
  for_cases([](GateKind kind, const Grid& g, const GatePlan& plan) {
    const Values gate = random_values(tensor_rows(kind, g), 1), x = random_values(g.rows(), 2);
    const Values b = random_values(g.rows(), 3), more = random_values(g.rows(), 4);
    const Values rows = packed(plan, gate);
    const double want = dot(b, lane(gated<double>(plan, gate, x), 0));
    on_every_target([&] {
      std::vector<double> back = lanes_of<double>(b), sums = lanes_of<double>(more);
      const std::vector<double> gates = lanes_of<double>(rows), values = lanes_of<double>(x);
      adjoint_gates(plan, kLanes, Rows<const double>{gates.data(), kLanes}, Rows<const double>{values.data(), kLanes},
                    Rows<double>{back.data(), kLanes}, Rows<double>{sums.data(), kLanes});
      Values gradient = lane(sums, kLanes - 1);
      for (size_t i = 0; i < gradient.size(); ++i) gradient[i] -= more[i];
      EXPECT_NEAR(dot(lane(back, kLanes - 1), x), want, 1e-12);
      EXPECT_NEAR(dot(gradient, rows), want, 1e-12);
    });
  });
}

// As many real numbers as rows, each in one place.
TEST(Gates, EveryRowIsGatedOnce) {
  for_cases([](GateKind kind, const Grid& g, const GatePlan& plan) {
    std::multiset<int64_t> rows(plan.singles.begin(), plan.singles.end());
    for (const auto& quad : plan.quads) rows.insert(quad.begin(), quad.end());
    for (const auto& pair : plan.pairs) rows.insert(pair.begin(), pair.end());
    EXPECT_EQ(int64_t(rows.size()), g.rows());
    EXPECT_EQ(int64_t(std::set<int64_t>(rows.begin(), rows.end()).size()), g.rows());
    std::set<int64_t> gates;
    for (const GatePlan::Entry& e : plan.entries) {
      gates.insert(e.packed);
      EXPECT_LT(e.tensor, tensor_rows(kind, g));
    }
    EXPECT_EQ(int64_t(gates.size()), g.rows());
    EXPECT_EQ(*gates.rbegin(), g.rows() - 1);
  });
}

TEST(Gates, OpsEqualTheKernels) {
  for_cases([](GateKind kind, const Grid& g, const GatePlan& plan) {
    const Values gate = packed(plan, random_values(tensor_rows(kind, g), 1));
    Values x = random_values(g.rows(), 2);
    OpCount count;
    kernel::gate_panel(CountTag{&count}, plan, 1, Rows<const double>{gate.data(), 1}, Rows<double>{x.data(), 1});
    EXPECT_EQ(count.additions, plan.ops().additions);
    EXPECT_EQ(count.multiplications, plan.ops().multiplications);
  });
}

}  // namespace
}  // namespace spikemix
