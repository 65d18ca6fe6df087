// SPDX-License-Identifier: MIT
// Included once for each SIMD target: the guard toggles.
#if defined(SPIKEMIX_KERNELS_GATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SPIKEMIX_KERNELS_GATE_INL_H_
#undef SPIKEMIX_KERNELS_GATE_INL_H_
#else
#define SPIKEMIX_KERNELS_GATE_INL_H_
#endif

#include <cstdint>

#include <hwy/highway.h>

#include "spikemix/kernels/gate/gate.h"

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
// Unqualified, so that tests can substitute counting.h for Highway.
using hwy::HWY_NAMESPACE::Add;
using hwy::HWY_NAMESPACE::Lanes;
using hwy::HWY_NAMESPACE::LoadU;
using hwy::HWY_NAMESPACE::Mul;
using hwy::HWY_NAMESPACE::MulAdd;
using hwy::HWY_NAMESPACE::MulSub;
using hwy::HWY_NAMESPACE::NegMulAdd;
using hwy::HWY_NAMESPACE::StoreU;
using hwy::HWY_NAMESPACE::Sub;

// f = (sum - i difference) / 2: one frequency, as the sum and the difference of two rows.
template <class V>
struct Frequency {
  V sum, difference;
};
template <class V>
Frequency<V> frequency(V a, V b) {
  return {Add(a, b), Sub(a, b)};
}
template <class D, class T>
auto load_pair(D d, Rows<T> x, const std::array<int64_t, 2>& at, int64_t l) {
  return frequency(LoadU(d, x[at[0]] + l), LoadU(d, x[at[1]] + l));
}
template <class D, class V, class T>
void store_pair(D d, Frequency<V> f, const std::array<int64_t, 2>& at, int64_t l, Rows<T> x) {
  StoreU(Add(f.sum, f.difference), d, x[at[0]] + l);
  StoreU(Sub(f.sum, f.difference), d, x[at[1]] + l);
}

// f(u, v) and f(u, -v), from the rows p, q, r, s.
template <class V>
struct Frequencies {
  Frequency<V> first, second;
};
template <class V>
Frequencies<V> crossed(Frequency<V> pq, Frequency<V> rs) {
  return {{rs.sum, pq.difference}, {pq.sum, rs.difference}};
}
template <class D, class T>
auto load_quad(D d, Rows<T> x, const std::array<int64_t, 4>& at, int64_t l) {
  return crossed(load_pair(d, x, {at[0], at[1]}, l), load_pair(d, x, {at[2], at[3]}, l));
}
template <class D, class V, class T>
void store_quad(D d, Frequencies<V> f, const std::array<int64_t, 4>& at, int64_t l, Rows<T> x) {
  store_pair(d, Frequency<V>{f.second.sum, f.first.difference}, {at[0], at[1]}, l, x);
  store_pair(d, Frequency<V>{f.first.sum, f.second.difference}, {at[2], at[3]}, l, x);
}

// The Hartley transform h = Re f - Im f at p, q, r, s, and back: the map is its own inverse, except for its scale.
template <class V>
struct Hartley {
  V p, q, r, s;
};
template <class D, class T>
auto load_hartley(D d, Rows<T> x, const std::array<int64_t, 4>& at, int64_t l) {
  const auto f = load_quad(d, x, at, l);
  return Hartley<decltype(Add(f.first.sum, f.first.sum))>{
      Add(f.first.sum, f.first.difference), Sub(f.first.sum, f.first.difference),
      Add(f.second.sum, f.second.difference), Sub(f.second.sum, f.second.difference)};
}
template <class D, class V, class T>
void store_hartley(D d, Hartley<V> h, const std::array<int64_t, 4>& at, int64_t l, Rows<T> x) {
  store_quad(d, Frequencies<V>{frequency(h.p, h.q), frequency(h.r, h.s)}, at, l, x);
}

// k f, with k = a + i b from two rows of the gate.
template <class D, class T, class V>
Frequency<V> turned(D d, Rows<const T> gate, int64_t l, Frequency<V> f) {
  const V a = LoadU(d, gate[0] + l), b = LoadU(d, gate[1] + l);
  return {MulAdd(b, f.difference, Mul(a, f.sum)), MulSub(a, f.difference, Mul(b, f.sum))};
}
// The transpose, which is the conjugate of k times g, and the gradients of a and b.
template <class D, class T, class V>
Frequency<V> turned_back(D d, Rows<const T> gate, int64_t l, Frequency<V> f, Frequency<V> g, Rows<T> sums) {
  const V a = LoadU(d, gate[0] + l), b = LoadU(d, gate[1] + l);
  const V for_a = MulAdd(f.difference, g.difference, MulAdd(f.sum, g.sum, LoadU(d, sums[0] + l)));
  const V for_b = NegMulAdd(f.sum, g.difference, MulAdd(f.difference, g.sum, LoadU(d, sums[1] + l)));
  StoreU(for_a, d, sums[0] + l);
  StoreU(for_b, d, sums[1] + l);
  return {NegMulAdd(b, g.difference, Mul(a, g.sum)), MulAdd(a, g.difference, Mul(b, g.sum))};
}

template <class D, class T, class V>
V scaled(D d, const T* gate, V x) {
  return Mul(LoadU(d, gate), x);
}
template <class D, class T, class V>
V scaled_back(D d, const T* gate, V x, V g, T* sums) {
  StoreU(MulAdd(x, g, LoadU(d, sums)), d, sums);
  return Mul(LoadU(d, gate), g);
}

template <class T>
Rows<T> rows_from(Rows<T> rows, int64_t first) {
  return {rows[first], rows.stride};
}

template <class D, class T>
void gate_quad(D d, GateKind kind, const std::array<int64_t, 4>& at, int64_t l, Rows<const T> gate, Rows<T> x) {
  if (kind == GateKind::kFourier) {
    auto f = load_quad(d, x, at, l);
    f.first = turned(d, gate, l, f.first), f.second = turned(d, rows_from(gate, 2), l, f.second);
    return store_quad(d, f, at, l, x);
  }
  auto h = load_hartley(d, x, at, l);
  h.p = scaled(d, gate[0] + l, h.p), h.q = scaled(d, gate[1] + l, h.q);
  h.r = scaled(d, gate[2] + l, h.r), h.s = scaled(d, gate[3] + l, h.s);
  store_hartley(d, h, at, l, x);
}

template <class D, class T>
void gate_quad_back(D d, GateKind kind, const std::array<int64_t, 4>& at, int64_t l, Rows<const T> gate,
                    Rows<const T> x, Rows<T> g, Rows<T> sums) {
  if (kind == GateKind::kFourier) {
    const auto f = load_quad(d, x, at, l);
    auto b = load_quad(d, g, at, l);
    b.first = turned_back(d, gate, l, f.first, b.first, sums);
    b.second = turned_back(d, rows_from(gate, 2), l, f.second, b.second, rows_from(sums, 2));
    return store_quad(d, b, at, l, g);
  }
  const auto h = load_hartley(d, x, at, l);
  auto b = load_hartley(d, g, at, l);
  b.p = scaled_back(d, gate[0] + l, h.p, b.p, sums[0] + l), b.q = scaled_back(d, gate[1] + l, h.q, b.q, sums[1] + l);
  b.r = scaled_back(d, gate[2] + l, h.r, b.r, sums[2] + l), b.s = scaled_back(d, gate[3] + l, h.s, b.s, sums[3] + l);
  store_hartley(d, b, at, l, g);
}

// visit(what, first row of its gates) for everything that a plan gates.
template <class Quads, class Pairs, class Singles>
void visit_gates(const GatePlan& plan, const Quads& on_quad, const Pairs& on_pair, const Singles& on_single) {
  int64_t row = 0;
  for (const auto& quad : plan.quads) on_quad(quad, row), row += 4;
  for (const auto& pair : plan.pairs) on_pair(pair, row), row += 2;
  for (const int64_t single : plan.singles) on_single(single, row), row += 1;
}

template <class D, class T>
void gate_panel(D d, const GatePlan& plan, int64_t lanes, Rows<const T> gate, Rows<T> x) {
  const auto step = int64_t(Lanes(d));
  visit_gates(
      plan,
      [&](const auto& quad, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step) gate_quad(d, plan.kind, quad, l, rows_from(gate, row), x);
      },
      [&](const auto& pair, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step)
          store_pair(d, turned(d, rows_from(gate, row), l, load_pair(d, x, pair, l)), pair, l, x);
      },
      [&](int64_t single, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step)
          StoreU(scaled(d, gate[row] + l, LoadU(d, x[single] + l)), d, x[single] + l);
      });
}

template <class D, class T>
void gate_panel_back(D d, const GatePlan& plan, int64_t lanes, Rows<const T> gate, Rows<const T> x, Rows<T> g,
                     Rows<T> sums) {
  const auto step = int64_t(Lanes(d));
  visit_gates(
      plan,
      [&](const auto& quad, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step)
          gate_quad_back(d, plan.kind, quad, l, rows_from(gate, row), x, g, rows_from(sums, row));
      },
      [&](const auto& pair, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step) {
          const auto f = load_pair(d, x, pair, l), b = load_pair(d, g, pair, l);
          store_pair(d, turned_back(d, rows_from(gate, row), l, f, b, rows_from(sums, row)), pair, l, g);
        }
      },
      [&](int64_t single, int64_t row) {
        for (int64_t l = 0; l < lanes; l += step) {
          const auto f = LoadU(d, x[single] + l), b = LoadU(d, g[single] + l);
          StoreU(scaled_back(d, gate[row] + l, f, b, sums[row] + l), d, g[single] + l);
        }
      });
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // the toggling guard
