// SPDX-License-Identifier: MIT
#include "spikemix/import/weights_file.h"

#include <set>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"

namespace spikemix {
namespace {

std::filesystem::path file_in(const std::filesystem::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (std::filesystem::is_regular_file(folder / name)) return folder / name;
  }
  throw input_error("{}: a folder without model.safetensors and pytorch_model.bin", folder.string());
}

}  // namespace

WeightsFile WeightsFile::open(const std::filesystem::path& path, const std::string& key) {
  WeightsFile file;
  file.path_ = path;
  if (std::filesystem::is_directory(path)) {
    file.path_ = file_in(path);
    const std::filesystem::path config = path / "config.json";
    if (std::filesystem::is_regular_file(config)) file.config_ = parse_json(read_file(config), config.string() + ":");
  }
  if (file.path_.extension() != ".safetensors") {
    file.read_pth(key);
    return file;
  }
  if (!key.empty()) throw input_error("--weights {}: {} holds one set of weights", key, file.path_.string());
  file.read_safetensors();
  return file;
}

void WeightsFile::read_pth(const std::string& key) {
  pth_ = PthFile::open(path_, key);
  tensors_ = pth_->tensors(), key_ = pth_->key(), others_ = pth_->others();
}

void WeightsFile::read_safetensors() {
  safetensors_ = SafeTensors::open(path_);
  const bool of_ours = config_.is_object() && config_.contains("model") && config_.contains("neuron");
  if (of_ours || safetensors_->metadata().contains("spikemix"))
    throw input_error("{}: is a spikemix model already, and runs as it is", path_.string());
  std::set<std::string> seen;
  for (const std::string& name : safetensors_->names()) {
    NamedTensor tensor{without_wrappers(name), *safetensors_->find(name)};
    if (!seen.insert(tensor.name).second)
      throw input_error("{}: tensor '{}' appears twice", path_.string(), tensor.name);
    tensors_.push_back(std::move(tensor));
  }
}

}  // namespace spikemix
