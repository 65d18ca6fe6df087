// SPDX-License-Identifier: MIT
#include "spikemix/cli/builtin_model.h"

#include "spikemix/formats/model_file.h"
#include "spikemix/formats/safetensors.h"

// From cmake/builtin_model.S.in: the bytes of the file.
extern "C" {
extern const std::byte spikemix_builtin_model_begin[], spikemix_builtin_model_end[];
}

namespace spikemix {
namespace {

constexpr const char* kName = "the built-in model";

}  // namespace

std::span<const std::byte> builtin_bytes() { return {spikemix_builtin_model_begin, spikemix_builtin_model_end}; }

std::shared_ptr<const Network> load_model(const std::string& model, Precision precision) {
  return is_builtin(model) ? load_network(builtin_bytes(), kName, precision) : load_network(model, precision);
}

ModelCard card_of_model(const std::string& model) {
  if (!is_builtin(model)) return read_model_card(model_file_of(model));
  return ModelCard::from_text(SafeTensors::parse(builtin_bytes(), kName).metadata().at("spikemix"), kName);
}

}  // namespace spikemix
