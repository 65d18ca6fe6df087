// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "spikemix/engine/network.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The name that every command accepts for the model in the program, models/cifar10-cpu.safetensors. A file with that
/// name is ./builtin.
constexpr const char* kBuiltin = "builtin";
constexpr const char* kModelHelp =
    "model.safetensors, a run folder (its best model), or builtin: the CIFAR-10 model in the program";
/// True for an empty name, too, for commands that need no MODEL.
inline bool is_builtin(const std::string& model) { return model.empty() || model == kBuiltin; }

/// The bytes of the built-in model's file.
std::span<const std::byte> builtin_bytes();
/// The network of a model file, of a run folder, or the built-in one. @throws InputError as load_network() does
std::shared_ptr<const Network> load_model(const std::string& model, Precision precision);
/// Only its card. @throws InputError as read_model_card() does
ModelCard card_of_model(const std::string& model);

}  // namespace spikemix
