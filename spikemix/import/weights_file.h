// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/formats/pth.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {

/// Weights as others save them: a checkpoint of torch.save (.pth, .pth.tar, pytorch_model.bin), a .safetensors, or a
/// folder in the Hugging Face layout that holds one of them.
class WeightsFile {
 public:
  /// @param key  which of a checkpoint's state dicts (PthFile)
  /// @throws InputError naming the file
  static WeightsFile open(const std::filesystem::path& path, const std::string& key);

  /// The file that was read, within the folder if a folder was given.
  const std::filesystem::path& path() const { return path_; }
  /// Names without_wrappers(). The views live as long as this object.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// PthFile::key() and others(); empty for a .safetensors.
  const std::string& key() const { return key_; }
  const std::vector<std::string>& others() const { return others_; }
  /// A folder's config.json, whatever its authors keep there; null if there is none.
  const nlohmann::json& config() const { return config_; }

 private:
  WeightsFile() = default;
  void read_pth(const std::string& key);
  void read_safetensors();

  std::filesystem::path path_;
  std::vector<NamedTensor> tensors_;
  std::string key_;
  std::vector<std::string> others_;
  nlohmann::json config_;
  std::optional<PthFile> pth_;  // owns the data of the views, as the next one does
  std::optional<SafeTensors> safetensors_;
};

}  // namespace spikemix
