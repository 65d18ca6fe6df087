// SPDX-License-Identifier: MIT
#include "spikemix/formats/model_file.h"

#include "spikemix/base/error.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {

std::filesystem::path model_file_of(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) throw input_error("{}: no such file or folder", path.string());
  if (!std::filesystem::is_directory(path)) return path;
  for (const char* place : {"best/model.safetensors", "model.safetensors"}) {
    if (std::filesystem::exists(path / place)) return path / place;
  }
  throw input_error("{}: holds no best/model.safetensors; has the run tested an epoch yet?", path.string());
}

void check_model_name(const std::filesystem::path& file) {
  if (file.extension() != ".safetensors") {
    throw input_error("{}: models are written as safetensors only, expected a name that ends in .safetensors",
                      file.string());
  }
}

std::filesystem::path run_folder_around(const std::filesystem::path& path) {
  std::filesystem::path folder = std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  for (;; folder = folder.parent_path()) {
    // Others have a config.json too.
    std::error_code none;
    if (std::filesystem::exists(folder / "config.json", none) &&
        std::filesystem::exists(folder / "metrics.jsonl", none))
      return folder;
    if (!folder.has_relative_path()) return {};
  }
}

void check_model_folder(const std::filesystem::path& folder) {
  if (const std::filesystem::path run = run_folder_around(folder); !run.empty())
    throw input_error("{}: belongs to the run {}; name a folder elsewhere", folder.string(), run.string());
}

ModelCard read_model_card(const std::filesystem::path& file) {
  const SafeTensors tensors = SafeTensors::open(file);
  return ModelCard::from_text(model_config_text(tensors, file), file.string());
}

}  // namespace spikemix
