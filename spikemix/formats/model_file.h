// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "spikemix/formats/model_card.h"

namespace spikemix {

/// The model file that a user means by `path`: the file itself, or the best model of a run folder.
/// @throws InputError if there is none
std::filesystem::path model_file_of(const std::filesystem::path& path);

/// Refuses a name for a new model file whose ending promises another format than is written. @throws InputError
void check_model_name(const std::filesystem::path& file);

/// The run folder that a path is, or lies in at any depth; empty: none. The path need not be there.
std::filesystem::path run_folder_around(const std::filesystem::path& path);

/// Refuses a folder for a new model (the Hugging Face layout) that is a run or lies in one, whose files it would
/// replace or be taken for. @throws InputError
void check_model_folder(const std::filesystem::path& folder);

/// The card in the metadata of a model file, or in config.json next to it (the Hugging Face layout).
/// @throws InputError if the file is malformed or has no description of itself
ModelCard read_model_card(const std::filesystem::path& file);

}  // namespace spikemix
