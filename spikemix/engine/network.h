// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "spikemix/engine/precision.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

struct PackedNetwork;

/// A trained network, ready to run. Immutable: any number of sessions (session.h) share one.
struct Network {
  ModelCard card;
  Precision precision = Precision::kFp32;
  std::shared_ptr<const PackedNetwork> packed;  // in the kernels' layout; never null
};

/// Reads and packs a model.safetensors: trained weights, packed at this precision, or a file of `spikemix export`,
/// which records its own. Nothing in the file is trusted: sizes, shapes and types are checked before use, and nothing
/// larger than the file's own tensors is allocated for its weights.
///
/// @param precision  for trained weights; ignored if the file's weights are integers
/// @throws InputError naming the file and every tensor that is missing, unknown or of the wrong shape
std::shared_ptr<const Network> load_network(const std::filesystem::path& file, Precision precision);
/// The same from bytes in memory, which are copied; `where` is their name in errors.
std::shared_ptr<const Network> load_network(std::span<const std::byte> bytes, const std::string& where,
                                            Precision precision);

}  // namespace spikemix
