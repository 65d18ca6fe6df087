#pragma once

#include <string>

#include "spikemix/config/config.h"

namespace spikemix {

/// A model's part of validate(Config): what passes can be trained, and run by the engine. Mixers check their own sizes
/// when they are built. model.classes may be 0: as many as the data has.
/// @throws InputError naming the key
void validate(const ModelConfig& model, const NeuronConfig& neuron);

/// What a user hardly means though it works, in a line without its end; else empty. Of what validate() has passed.
std::string doubts(const Config& config);

}  // namespace spikemix
