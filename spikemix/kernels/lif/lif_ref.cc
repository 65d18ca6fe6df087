// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "spikemix/kernels/lif/lif.h"

namespace spikemix {
namespace {

float charge(const LifParams& p, float v, float z) { return v + p.k * (z - p.leak * (v - p.v_reset)); }

float fire(const LifParams& p, float h) {
  if (p.relu) return std::max(h, 0.0f);
  if (p.levels > 0) return std::floor(std::min(std::max(h, 0.0f), float(p.levels)) + 0.5f);
  if (p.is_signed() && h <= p.v_negative) return -1;
  return h >= p.v_threshold;
}

float reset(const LifParams& p, float h, float s) {
  if (p.levels > 0 || p.relu) return h - s;
  return p.hard_reset ? (s != 0 ? p.v_reset : h) : h - p.v_threshold * s;
}

float surrogate_at(const LifParams& p, float u) {
  switch (p.surrogate) {
    case Surrogate::kSigmoid: {
      const float g = 1 / (1 + std::exp(-p.alpha * u));
      return p.alpha * g * (1 - g);
    }
    case Surrogate::kArctan: {
      const float a = float(std::numbers::pi) / 2 * p.alpha * u;
      return p.alpha / 2 / (1 + a * a);
    }
    case Surrogate::kTriangle:
      return p.alpha * std::max(0.0f, 1 - p.alpha * std::abs(u));
    case Surrogate::kWindow:
      return u > 0 && u < p.window();
  }
  return 0;
}

float surrogate_gradient(const LifParams& p, float h) {
  return surrogate_at(p, h - p.v_threshold) + (p.is_signed() ? surrogate_at(p, h - p.v_negative) : 0);
}

// Derivative of the potential after the reset, with respect to the spike: of (1 - |s|) h + |s| v_reset, or of h -
// v_threshold s.
float reset_gradient(const LifParams& p, float h, float s) {
  if (p.detach_reset) return 0;
  if (p.is_signed()) return -s * h;
  return p.hard_reset ? p.v_reset - h : -p.v_threshold;
}

}  // namespace

void lif_forward_ref(const LifParams& p, int64_t T, const float* z, float* s) {
  float v = p.v_reset;
  for (int64_t t = 0; t < T; ++t) {
    const float h = charge(p, v, z[t]);
    s[t] = fire(p, h);
    v = reset(p, h, s[t]);
  }
}

void lif_backward_ref(const LifParams& p, int64_t T, const float* z, const float* ds, float* dz, double& dk) {
  std::vector<float> h(size_t(T), 0.0f), s(size_t(T), 0.0f), v(size_t(T) + 1, p.v_reset);  // v[t]: before step t
  for (size_t t = 0; t < size_t(T); ++t) {
    h[t] = charge(p, v[t], z[t]);
    s[t] = fire(p, h[t]);
    v[t + 1] = reset(p, h[t], s[t]);
  }
  float dv = 0;
  for (size_t t = size_t(T); t-- > 0;) {
    // dv is the gradient of v[t + 1], which depends on h[t] directly and, unless detached, through the spike.
    const float dv_ds = reset_gradient(p, h[t], s[t]);
    const float dv_dh = p.hard_reset && p.levels == 0 ? 1 - std::abs(s[t]) : 1;
    const float dh = (ds[t] + dv * dv_ds) * surrogate_gradient(p, h[t]) + dv * dv_dh;
    dz[t] = p.k * dh;
    dk += double(dh) * double(z[t] - p.leak * (v[t] - p.v_reset));
    dv = dh * (1 - p.k * p.leak);
  }
}

}  // namespace spikemix
