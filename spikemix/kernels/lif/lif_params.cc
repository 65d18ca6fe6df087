// SPDX-License-Identifier: MIT
#include "spikemix/kernels/lif/lif_params.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"

namespace spikemix {
namespace {

int64_t choice(const char* key, const std::string& value, const std::vector<std::string>& known) {
  const auto found = std::find(known.begin(), known.end(), value);
  if (found == known.end()) throw input_error("neuron.{}: {}", key, unknown_name(value, known));
  return found - known.begin();
}

void set_surrogate(const NeuronConfig& config, LifParams& params) {
  if (config.alpha < 0)
    throw input_error("neuron.alpha = {}: must be positive, or 0 for the surrogate's own", config.alpha);
  params.surrogate = Surrogate(choice("surrogate", config.surrogate, {"sigmoid", "arctan", "triangle"}));
  constexpr std::array<float, 3> kOwnAlpha = {4, 2, 1};
  params.alpha = config.alpha > 0 ? float(config.alpha) : kOwnAlpha[size_t(params.surrogate)];
}

}  // namespace

LifParams lif_params(const NeuronConfig& config, std::optional<double> v_threshold) {
  const auto kind = choice("kind", config.kind, {"lif", "if", "plif", "integer", "relu"});
  if (kind == 4) {
    LifParams relu{.k = 1, .leak = 0, .v_threshold = 0, .hard_reset = false, .relu = true};
    relu.surrogate = Surrogate::kWindow;
    return relu;
  }
  if (kind == 3 && !v_threshold) {
    // (1 - 1 / tau) v + x, which is x after the only step.
    LifParams counts{.k = 1, .leak = float(1 / config.tau), .v_threshold = 0, .hard_reset = false};
    counts.surrogate = Surrogate::kWindow, counts.levels = config.levels;
    return counts;
  }
  if (kind != 1 && !(config.tau > 1))
    throw input_error("neuron.tau = {}: must be greater than 1 time step", config.tau);
  LifParams params;
  params.leak = kind == 1 ? 0 : 1;
  params.k = kind == 1 ? 1 : float(1 / config.tau);
  params.v_threshold = float(v_threshold.value_or(config.v_threshold));
  params.hard_reset = choice("reset", config.reset, {"hard", "soft"}) == 0;
  params.v_reset = params.hard_reset ? float(config.v_reset) : 0;  // a soft reset leaves the resting potential at 0
  params.detach_reset = config.detach_reset;
  set_surrogate(config, params);
  return params;
}

LifParams signed_lif_params(const NeuronConfig& config) {
  LifParams params{.k = 1, .leak = 0, .v_threshold = 0.99999f, .detach_reset = false, .v_negative = -0.501f};
  set_surrogate(config, params);
  return params;
}

}  // namespace spikemix
