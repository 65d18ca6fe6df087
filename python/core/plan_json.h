// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "spikemix/kernels/lif/lif.h"

namespace spikemix::python {

/// A network as data (plan.h) for Python, as JSON text: {"config": ..., "plan": ...}, with all keys of the config.
/// @param config  {"model": {...}, "neuron": {...}}; missing keys have their defaults
/// @throws InputError naming the key
std::string plan_json(const std::string& config);

/// The same for one mixer's branch: {"mixer", "T", "height", "width", "dim", "stream", "neuron": {...}, "model":
/// {...}}.
/// @throws InputError naming what does not fit
std::string mixer_plan_json(const std::string& request);

/// A neuron's constants, to and from JSON text. @throws InputError naming the key
std::string neuron_json_of_config(const std::string& config, std::optional<double> v_threshold);
LifParams neuron_from_json(const std::string& text);

}  // namespace spikemix::python
