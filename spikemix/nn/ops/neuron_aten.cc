// SPDX-License-Identifier: MIT
#include <numbers>
#include <vector>

#include "spikemix/nn/ops/neuron_passes.h"

// The equations of kernels/lif/lif.h in ATen operations over one time step: for CUDA and every other device, and for
// gradient checks in double precision.
namespace spikemix::aten {
namespace {

using torch::Tensor;

// The type to compute in: fp32, or double for double.
torch::ScalarType accumulator(const Tensor& x) {
  return x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
}

// One step, in as few operations as ATen allows: on a GPU each is a pass over memory and a launch.
struct Steps {
  const NeuronPasses& p;
  const Tensor& x;
  Tensor k;  // 1 / tau, [] on the device, which avoids a synchronisation

  Steps(const NeuronPasses& passes, const Tensor& input) : p(passes), x(input) {
    k = p.w.defined() ? p.w.sigmoid() : torch::full({}, p.lif.k, x.options().dtype(accumulator(x)));
  }

  Tensor x_at(int64_t t) const { return (p.same_x ? x : x[t]).to(accumulator(x)); }
  Tensor z_at(int64_t t) const { return p.scale.defined() ? torch::addcmul(p.shift, x_at(t), p.scale) : x_at(t); }
  // An undefined v means at rest.
  Tensor drive(const Tensor& v, const Tensor& z) const {
    return v.defined() ? z - (v - p.lif.v_reset) * p.lif.leak : z;
  }
  Tensor charge(const Tensor& v, const Tensor& z) const {
    if (!v.defined()) return p.lif.v_reset == 0 ? z * k : z * k + p.lif.v_reset;
    const bool between = p.lif.leak == 1 && p.lif.v_reset == 0;
    return between ? v.lerp(z, k) : torch::addcmul(v, drive(v, z), k);
  }
  Tensor fire(const Tensor& h) const {
    if (p.lif.relu) return h.relu();
    if (p.lif.levels > 0) return h.clamp(0, double(p.lif.levels)).add_(0.5).floor_();
    const Tensor fired = h >= p.lif.v_threshold;
    return p.lif.is_signed() ? fired.to(h.scalar_type()) - (h <= p.lif.v_negative).to(h.scalar_type()) : fired;
  }
  Tensor reset(const Tensor& h, const Tensor& fired) const {
    if (p.lif.levels > 0 || p.lif.relu) return h - fired;
    return p.lif.hard_reset ? h.masked_fill(fired.to(torch::kBool), p.lif.v_reset) : h - fired * p.lif.v_threshold;
  }
  // Derivative of the potential after the reset, with respect to the spike.
  Tensor reset_gradient(const Tensor& h, const Tensor& fired) const {
    if (p.lif.is_signed()) return -fired * h;
    return p.lif.hard_reset ? p.lif.v_reset - h : torch::full_like(h, -p.lif.v_threshold);
  }
  Tensor through_spike(const Tensor& dspike, const Tensor& h) const {
    const Tensor gradient = through_threshold(dspike, h - p.lif.v_threshold);
    return p.lif.is_signed() ? gradient + through_threshold(dspike, h - p.lif.v_negative) : gradient;
  }
  // dspike surrogate'(u)
  Tensor through_threshold(const Tensor& dspike, const Tensor& u) const {
    const double alpha = p.lif.alpha;
    switch (p.lif.surrogate) {
      case Surrogate::kSigmoid:
        return at::sigmoid_backward(dspike, (u * alpha).sigmoid_()).mul_(alpha);
      case Surrogate::kArctan:
        return dspike * (alpha / 2 / (u * (std::numbers::pi / 2 * alpha)).square_().add_(1));
      case Surrogate::kTriangle:
        return dspike * (1 - u.abs() * alpha).clamp_min_(0).mul_(alpha);
      case Surrogate::kWindow:
        return dspike * (u > 0).logical_and_(u < p.lif.window());
    }
    return {};
  }
};

}  // namespace

Moments moments(const Tensor& x) {
  const auto [variance, mean] = torch::var_mean(x.reshape({-1, x.size(-1)}).to(accumulator(x)), 0, /*correction=*/0);
  return {mean, variance};
}

Tensor forward(const NeuronPasses& p, const Tensor& x, const Tensor& residual, torch::ScalarType spikes) {
  const Steps steps(p, x);
  auto s = torch::empty({p.T, x.size(-2), x.size(-1)}, x.options().dtype(spikes));
  Tensor v;
  for (int64_t t = 0; t < p.T; ++t) {
    const auto h = steps.charge(v, steps.z_at(t)), fired = steps.fire(h);
    s[t].copy_(fired);
    if (t + 1 < p.T) v = steps.reset(h, fired);
  }
  return residual.defined() ? s.add_(residual) : s;
}

NeuronGradients backward(const NeuronPasses& p, const Tensor& x, const Tensor& ds) {
  const Steps steps(p, x);
  const auto type = accumulator(x);
  std::vector<Tensor> h(size_t(p.T)), fired(size_t(p.T)), before(size_t(p.T) + 1);
  for (size_t t = 0; t < h.size(); ++t) {
    h[t] = steps.charge(before[t], steps.z_at(int64_t(t)));
    fired[t] = steps.fire(h[t]);
    if (t + 1 < h.size()) before[t + 1] = steps.reset(h[t], fired[t]);
  }

  NeuronGradients result;
  result.dz = p.same_x ? torch::zeros_like(x, x.options().dtype(type)) : torch::empty_like(x);
  Tensor dv;  // undefined: zero
  auto dk = torch::zeros({}, x.options().dtype(type));
  if (p.scale.defined()) result.sum_dz = torch::zeros_like(p.scale), result.sum_dz_x = torch::zeros_like(p.scale);
  const Tensor kept = 1 - steps.k * p.lif.leak;
  for (size_t t = h.size(); t-- > 0;) {
    auto dspike = ds[int64_t(t)].to(type);
    if (!p.lif.detach_reset && dv.defined()) dspike = dspike + dv * steps.reset_gradient(h[t], fired[t]);
    Tensor dh = steps.through_spike(dspike, h[t]);
    if (dv.defined()) dh.add_(p.lif.hard_reset ? dv.masked_fill(fired[t].to(torch::kBool), 0) : dv);
    const auto dz = dh * steps.k;
    if (p.same_x)
      result.dz.add_(dz);
    else
      result.dz[int64_t(t)].copy_(dz);
    if (p.scale.defined()) {
      result.sum_dz.add_(dz.sum(0));
      result.sum_dz_x.add_((dz * (steps.x_at(int64_t(t)) - p.mean)).sum(0));
    }
    if (p.w.defined()) dk.add_((dh * steps.drive(before[t], steps.z_at(int64_t(t)))).sum());
    dv = dh * kept;
    h[t] = fired[t] = Tensor();  // frees their memory for the next steps
  }
  if (p.w.defined()) result.dk = dk;
  result.dz = result.dz.to(x.scalar_type());
  return result;
}

Tensor norm_forward(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual) {
  const Tensor z = torch::addcmul(shift, x.to(accumulator(x)), scale);
  return residual.defined() ? z.add_(residual) : z;
}

std::pair<Tensor, Tensor> norm_sums(const Tensor& x, const Tensor& mean, const Tensor& dz) {
  return {dz.sum(0), (dz * (x - mean)).sum(0)};
}

void norm_backward(const Tensor& x, const Tensor& mean, const Tensor& a, const Tensor& b, const Tensor& c,
                   const Tensor& dz, Tensor& dx) {
  dx.copy_(torch::addcmul(torch::addcmul(c, x - mean, b), dz, a));
}

}  // namespace spikemix::aten
