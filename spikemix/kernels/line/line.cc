// SPDX-License-Identifier: MIT
#include "spikemix/kernels/line/line.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "spikemix/kernels/line/line.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace spikemix::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[j, i] = from[i, j] for a square tile of one 128-bit vector of values (4 floats or 2 doubles).
template <class T>
HWY_INLINE void transpose_tile(Rows<const T> from, Rows<T> to) {
#if HWY_TARGET == HWY_SCALAR
  constexpr int64_t kTile = 16 / sizeof(T);
  for (int64_t i = 0; i < kTile; ++i) {
    for (int64_t j = 0; j < kTile; ++j) to[j][i] = from[i][j];
  }
#else
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  const auto r0 = hn::LoadU(d, from[0]), r1 = hn::LoadU(d, from[1]);
  if constexpr (sizeof(T) == 8) {
    hn::StoreU(hn::InterleaveLower(d, r0, r1), d, to[0]);
    hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, to[1]);
  } else {
    const auto r2 = hn::LoadU(d, from[2]), r3 = hn::LoadU(d, from[3]);
    const auto low01 = hn::InterleaveLower(d, r0, r1), low23 = hn::InterleaveLower(d, r2, r3);
    const auto high01 = hn::InterleaveUpper(d, r0, r1), high23 = hn::InterleaveUpper(d, r2, r3);
    hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, to[0]);
    hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, to[1]);
    hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, to[2]);
    hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, to[3]);
  }
#endif
}

// to [columns, rows] = the transpose of from [rows, columns].
template <class T>
void transpose(int64_t rows, int64_t columns, Rows<const T> from, Rows<T> to) {
  constexpr int64_t kTile = 16 / sizeof(T);
  int64_t i = 0;
  for (; i + kTile <= rows; i += kTile) {
    int64_t j = 0;
    for (; j + kTile <= columns; j += kTile) {
      transpose_tile(Rows<const T>{from[i] + j, from.stride}, Rows<T>{to[j] + i, to.stride});
    }
    for (; j < columns; ++j) {
      for (int64_t k = 0; k < kTile; ++k) to[j][i + k] = from[i + k][j];
    }
  }
  for (; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) to[j][i] = from[i][j];
  }
}

void transpose_f32(int64_t rows, int64_t columns, Rows<const float> from, Rows<float> to) {
  transpose(rows, columns, from, to);
}
void transpose_f64(int64_t rows, int64_t columns, Rows<const double> from, Rows<double> to) {
  transpose(rows, columns, from, to);
}

}  // namespace spikemix::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace spikemix {
namespace {

HWY_EXPORT(transpose_f32);
HWY_EXPORT(transpose_f64);

void transpose(int64_t rows, int64_t columns, Rows<const float> from, Rows<float> to) {
  HWY_DYNAMIC_DISPATCH(transpose_f32)(rows, columns, from, to);
}
void transpose(int64_t rows, int64_t columns, Rows<const double> from, Rows<double> to) {
  HWY_DYNAMIC_DISPATCH(transpose_f64)(rows, columns, from, to);
}

// Lanes at a time: the intermediate values of a transform (up to four panels of n rows) should stay in L1 or near it.
int64_t panel_lanes(int64_t n) { return n <= 64 ? 4 * kLanes : n <= 256 ? 2 * kLanes : kLanes; }

int64_t run_lanes(LineView view) {
  return view.inner < 2 * kLanes ? kLanes : std::min(panel_lanes(view.n), view.inner / kLanes * kLanes);
}

template <class T>
void run(const LineTransform& transform, Direction direction, int64_t lanes, Rows<const T> x, Rows<T> y, T* scratch) {
  if (direction == Direction::kForward) {
    transform.forward(lanes, x, y, scratch);
  } else {
    transform.adjoint(lanes, x, y, scratch);
  }
}

// Lines side by side in memory: whole panels in place, then the last few lanes in a padded copy.
template <class T>
void across_rows(const LineTransform& transform, Direction direction, LineView view, const T* x, T* y, T* scratch) {
  const int64_t n = view.n, inner = view.inner, whole = inner / kLanes * kLanes, rest = inner - whole;
  Rows<T> in{scratch, kLanes}, out{scratch + n * kLanes, kLanes};
  T* const inside = scratch + 2 * n * kLanes;
  for (int64_t o = 0; o < view.outer; ++o, x += n * inner, y += n * inner) {
    for (int64_t l = 0; l < whole;) {
      const int64_t lanes = std::min(run_lanes(view), whole - l);
      run(transform, direction, lanes, Rows<const T>{x + l, inner}, Rows<T>{y + l, inner}, inside);
      l += lanes;
    }
    if (rest == 0) continue;
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(x + i * inner + whole, rest, in[i]);
      std::fill(in[i] + rest, in[i] + kLanes, T(0));
    }
    run(transform, direction, kLanes, Rows<const T>{in.data, in.stride}, out, inside);
    for (int64_t i = 0; i < n; ++i) std::copy_n(out[i], rest, y + i * inner + whole);
  }
}

// Lines that are themselves contiguous: kLanes of them are transposed into a panel.
template <class T>
void along_rows(const LineTransform& transform, Direction direction, LineView view, const T* x, T* y, T* scratch) {
  const int64_t n = view.n;
  Rows<T> in{scratch, kLanes}, out{scratch + n * kLanes, kLanes};
  T* const inside = scratch + 2 * n * kLanes;
  for (int64_t o = 0; o < view.outer; o += kLanes) {
    const int64_t lanes = std::min(kLanes, view.outer - o);
    if (lanes < kLanes) std::fill_n(in.data, n * kLanes, T(0));
    transpose(lanes, n, Rows<const T>{x + o * n, n}, in);
    run(transform, direction, kLanes, Rows<const T>{in.data, in.stride}, out, inside);
    transpose(n, lanes, Rows<const T>{out.data, out.stride}, Rows<T>{y + o * n, n});
  }
}

}  // namespace

int64_t line_scratch_size(const LineTransform& transform, LineView view) {
  return 2 * view.n * kLanes + transform.scratch_size(run_lanes(view));
}

template <class T>
void apply_line(const LineTransform& transform, Direction direction, LineView view, const T* x, T* y, T* scratch) {
  if (view.inner == 1) {
    along_rows(transform, direction, view, x, y, scratch);
  } else {
    across_rows(transform, direction, view, x, y, scratch);
  }
}

template void apply_line(const LineTransform&, Direction, LineView, const float*, float*, float*);
template void apply_line(const LineTransform&, Direction, LineView, const double*, double*, double*);

}  // namespace spikemix
#endif  // HWY_ONCE
