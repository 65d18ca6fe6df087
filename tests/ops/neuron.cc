// SPDX-License-Identifier: MIT
#include "spikemix/nn/ops/neuron.h"

#include <torch/library.h>

#include "spikemix/nn/ops/attention.h"
#include "spikemix/nn/ops/pool.h"
#include "spikemix/nn/ops/product.h"

namespace {

using spikemix::NeuronConfig;
using torch::Tensor;

// The neurons without a norm. w: plif's parameter, or undefined.
Tensor neuron(const Tensor& x, const std::optional<Tensor>& w, const std::string& kind, double tau, double v_threshold,
              const std::string& reset, double v_reset, bool detach_reset, const std::string& surrogate, double alpha) {
  NeuronConfig config;
  config.kind = kind, config.tau = tau, config.v_threshold = v_threshold, config.reset = reset;
  config.v_reset = v_reset, config.detach_reset = detach_reset, config.surrogate = surrogate, config.alpha = alpha;
  const spikemix::Neuron lif(config);
  return spikemix::neurons(x, {}, lif->params, w.value_or(Tensor()), {}, x.scalar_type());
}

// BN and LIF neurons with their defaults, and a residual.
Tensor norm_neuron(const Tensor& y, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                   const Tensor& running_var, const std::optional<Tensor>& linear_bias, bool training,
                   const std::optional<Tensor>& residual, int64_t repeat_T, bool bf16_spikes) {
  const spikemix::Norm norm{weight, bias, running_mean, running_var, linear_bias.value_or(Tensor()), training};
  const spikemix::Neuron lif(NeuronConfig{});
  return spikemix::neurons(y, norm, lif->params, {}, residual.value_or(Tensor()),
                           bf16_spikes ? torch::kBFloat16 : y.scalar_type(), repeat_T);
}

// BN without neurons.
Tensor batch_norm(const Tensor& y, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, const std::optional<Tensor>& linear_bias, bool training,
                  const std::optional<Tensor>& residual, int64_t copies) {
  const spikemix::Norm norm{weight, bias, running_mean, running_var, linear_bias.value_or(Tensor()), training};
  return spikemix::batch_norm(y, norm, residual.value_or(Tensor()), copies);
}

Tensor spike_linear(const Tensor& x, const Tensor& weight, int64_t values, double sparse_below, double spike_cost) {
  return spikemix::spike_linear(x, weight, spikemix::Values(values), {"", sparse_below, spike_cost, false}).y;
}

Tensor spike_conv(const Tensor& x, const Tensor& weight, int64_t values, double sparse_below, double spike_cost) {
  return spikemix::spike_conv(x, weight, spikemix::Values(values), {"", sparse_below, spike_cost, false}).y;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.def("neuron", neuron);
  library.def("norm_neuron", norm_neuron);
  library.def("batch_norm", batch_norm);
  library.def("spike_linear(Tensor x, Tensor weight, int values, float sparse_below, float spike_cost=0) -> Tensor",
              spike_linear);
  library.def("spike_conv(Tensor x, Tensor weight, int values, float sparse_below, float spike_cost=0) -> Tensor",
              spike_conv);
  library.def("max_pool(Tensor x, int stride=2) -> Tensor",
              [](const Tensor& x, int64_t stride) { return spikemix::max_pool(x, stride); });
  library.def("spiking_attention", spikemix::spiking_attention);
}
