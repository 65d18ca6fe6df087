#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "spikemix/engine/network.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The name that every command takes for the model in the program, models/cifar10-cpu.safetensors. A file of that name
/// is ./builtin.
constexpr const char* kBuiltin = "builtin";
constexpr const char* kModelHelp =
    "model.safetensors, a run folder (its best model), or builtin: the CIFAR-10 model in the program";
/// So is an empty name, for commands that need no MODEL.
inline bool is_builtin(const std::string& model) { return model.empty() || model == kBuiltin; }

/// The bytes of the built-in model's file.
std::span<const std::byte> builtin_bytes();
/// The network of a model file, of a run folder, or the built-in one. @throws InputError as load_network()
std::shared_ptr<const Network> load_model(const std::string& model, Precision precision);
/// Its card alone. @throws InputError as read_model_card()
ModelCard card_of_model(const std::string& model);

}  // namespace spikemix
