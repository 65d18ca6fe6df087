// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <limits>

#include "spikemix/kernels/spikes/bfloat16.h"

namespace spikemix {

/// A spiking neuron over T time steps, after a scale and a shift for each channel (the batch norm before it):
///
///   z[t] = scale x[t] + shift
///   h[t] = v[t-1] + k (z[t] - leak (v[t-1] - v_reset))      charge    k = 1 / tau; leak 1, or 0 for IF (with k = 1)
///   s[t] = h[t] >= v_threshold                              fire
///   v[t] = s[t] ? v_reset : h[t]                            hard reset, or soft: h[t] - v_threshold s[t]
///
/// v starts at v_reset. These are SpikingJelly's multi-step nodes (decay_input). The gradient of the step is replaced
/// by the surrogate's; with u = h - v_threshold:
///
///   sigmoid   alpha g (1 - g), g = 1 / (1 + exp(-alpha u))
///   arctan    (alpha / 2) / (1 + (pi / 2 alpha u)^2)
/// triangle  alpha max(0, 1 - alpha |u|): compact support, zero for |u| >= 1 / alpha
/// window    1 where 0 < h < levels: for integer neurons, and for ReLU without an upper end
///
/// Signed neurons (v_negative < 0; SWformer, arXiv 2403.11138) also fire -1, where h <= v_negative, and reset in the
/// same way; the gradient of their step is the sum of the surrogate's at both thresholds.
///
/// Integer neurons (levels > 0; Spike-driven Transformer V3, arXiv 2411.16061) give a count,
///
///   s[t] = floor(min(max(h[t], 0), levels) + 1/2),  v[t] = h[t] - s[t],
///
/// with no gradient through the reset: the number of spikes in `levels` rounds of "fire at v >= 1, subtract 1", once
/// all of a step's input and 1/2 have been added.
///
/// ReLU (relu; one step) takes a neuron's place in a network without spikes: s = max(h, 0).
enum class Surrogate { kSigmoid, kArctan, kTriangle, kWindow };

struct LifParams {
  float k = 0.5f, leak = 1, v_threshold = 1, v_reset = 0;
  bool hard_reset = true, detach_reset = true;
  Surrogate surrogate = Surrogate::kSigmoid;
  float alpha = 4;
  int64_t levels = 0;    // 0: spikes; otherwise counts up to this many
  bool relu = false;     // neither spikes nor counts
  float v_negative = 0;  // 0: spikes; otherwise signed ones, with v_reset 0 and hard reset

  bool is_signed() const { return v_negative < 0; }
  /// The upper end of the surrogate "window".
  float window() const { return levels > 0 ? float(levels) : std::numeric_limits<float>::infinity(); }
  /// Does it give counts or signed spikes, which inference stores as bytes?
  bool gives_bytes() const { return levels > 0 || is_signed(); }
};

/// x and s are [T, M, C]: M rows (batch x pixels or tokens), channels last. With `same_x`, x is [M, C] and every time
/// step reads it (the first layer of a model for still images).
struct LifShape {
  int64_t T, M, C;
  bool same_x = false;
};

/// The batch norm's values for each channel, [C] each; all null: z = x.
struct LifNorm {
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* mean = nullptr;  // only lif_backward reads it
};

/// Writes s = residual + spikes (or counts, or signed spikes) for the rows m_begin <= m < m_end; residual ([T, M, C],
/// or null) may be s itself. Cost: one pass over x, s and residual; about 6 operations a value.
void lif_forward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const float* x,
                 const float* residual, float* s);
void lif_forward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const float* x,
                 const Bfloat16* residual, Bfloat16* s);
void lif_forward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const Bfloat16* x,
                 const Bfloat16* residual, Bfloat16* s);

/// Outputs that lif_backward adds to: sums over its rows and the time steps, for each channel, or null without a norm.
struct LifSums {
  float* dz = nullptr;    // [C] sum of dz: the gradient of the shift
  float* dz_x = nullptr;  // [C] sum of dz (x - mean): times 1 / std, the gradient of the batch norm's weight
  double* dk = nullptr;   // one value: the gradient of k, for the learned tau; null if not needed
};

/// The gradient dz of z from that of the spikes, ds [T, M, C], for the rows m_begin <= m < m_end. h and s are computed
/// again from x, so that a forward pass needs to keep only x. dz has the shape of x; with same_x it is the sum over the
/// time steps. Cost: one pass over x, ds and dz; with the sigmoid, one exponential for each value.
void lif_backward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const float* x,
                  const float* ds, float* dz, LifSums);
void lif_backward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const float* x,
                  const Bfloat16* ds, float* dz, LifSums);
void lif_backward(const LifParams&, const LifShape&, LifNorm, int64_t m_begin, int64_t m_end, const Bfloat16* x,
                  const Bfloat16* ds, Bfloat16* dz, LifSums);

/// The definition, as plain loops over one neuron: lif_forward() and lif_backward() agree with it on every target.
void lif_forward_ref(const LifParams&, int64_t T, const float* z, float* s);
/// dk: the gradient of k, added to.
void lif_backward_ref(const LifParams&, int64_t T, const float* z, const float* ds, float* dz, double& dk);

}  // namespace spikemix
