#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "spikemix/nn/model_state.h"

namespace spikemix {

/// Torch's tensors to a safetensors file, replaced atomically. Tensors are copied to the CPU if they are not there.
void write_tensors(const std::filesystem::path& file, const NamedTensors& tensors,
                   const std::map<std::string, std::string>& metadata);

struct TensorFile {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata;
};
/// @throws InputError naming the file and what is wrong with it
TensorFile read_tensors(const std::filesystem::path& file);

}  // namespace spikemix
