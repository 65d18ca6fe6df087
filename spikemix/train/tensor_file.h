// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "spikemix/formats/safetensors.h"
#include "spikemix/nn/modules/model_state.h"

namespace spikemix {

/// Writes Torch's tensors to a safetensors file, replaced atomically. Tensors are copied to the CPU if necessary.
/// @param with_hash  adds a hash of everything to the metadata, by which read_tensors() finds damage
void write_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                   std::map<std::string, std::string> metadata, bool with_hash = false);

struct TensorFile {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata;
};
/// Copies of all tensors of an open file.
NamedTensors tensors_in(const SafeTensors& file);
/// @throws InputError naming the file and what is wrong with it
TensorFile read_tensors(const std::filesystem::path& file);

}  // namespace spikemix
