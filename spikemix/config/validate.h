// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/config/config.h"

namespace spikemix {

/// A model's part of validate(Config): what passes can be trained, and run by the engine. Mixers check their own sizes
/// when they are built. model.classes may be 0: as many as the data has.
/// @throws InputError naming the key
void validate(const ModelConfig& model, const NeuronConfig& neuron);

/// "1 to 1000000": what a number's key, as "train.epochs", may be set to.
std::string bounds_of(const std::string& key);

/// A warning, in one line without a full stop, about settings that work but are probably not what the user meant;
/// otherwise empty. For configs that have passed validate().
std::string doubts(const Config& config);

}  // namespace spikemix
