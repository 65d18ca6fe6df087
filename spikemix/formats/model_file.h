#pragma once

#include <filesystem>

#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The model file that a user means by `path`: the file itself, or the best model of a run folder.
/// @throws InputError if there is none
std::filesystem::path model_file_of(const std::filesystem::path& path);

/// Refuses a name for a new model file whose ending promises another format than is written. @throws InputError
void check_model_name(const std::filesystem::path& file);

/// The card in the metadata of a model file, or in config.json next to it (the Hugging Face layout).
/// @throws InputError if the file is malformed or has no description of itself
ModelCard read_model_card(const std::filesystem::path& file);

}  // namespace spikemix
