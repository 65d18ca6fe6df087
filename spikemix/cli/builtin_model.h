#pragma once

#include <memory>
#include <string>

#include "spikemix/engine/network.h"

namespace spikemix {

/// The network of a model file or run folder, or if `model` is empty the one built into the program:
/// models/cifar10-cpu.safetensors.
/// @throws InputError as load_network()
std::shared_ptr<const Network> load_model(const std::string& model, Precision precision);

}  // namespace spikemix
