#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/base/file.h"
#include "spikemix/formats/tensor_view.h"

namespace spikemix {

/// A safetensors file, mapped: 8 bytes n (little-endian), n bytes of JSON {"name": {"dtype", "shape", "data_offsets":
/// [begin, end]}, ..., "__metadata__": {"key": "text"}}, then the tensors' bytes. The same as Python's
/// safetensors.safe_open(path, "numpy").
///
/// Our model files have two metadata keys: "format" = "pt" (so that Python tools load them), and "spikemix" = the
/// config as JSON text.
class SafeTensors {
 public:
  /// Nothing in the file is trusted: every size is checked against the bytes that are there.
  /// @throws InputError naming the file, the tensor and the two numbers that disagree
  static SafeTensors open(const std::filesystem::path& path);
  /// The same on bytes that outlive it; `where` names them in errors.
  static SafeTensors parse(std::span<const std::byte> bytes, const std::string& where);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// In the order in which their bytes lie in the file.
  const std::vector<std::string>& names() const { return names_; }
  /// nullptr if there is none of that name. The view lives as long as this object or a copy of it.
  const TensorView* find(const std::string& name) const;
  /// Gives back the memory that a tensor's bytes take until they are read again.
  void release(const TensorView& tensor) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> names_;
  std::map<std::string, TensorView> tensors_;
};

/// Writes a file that appears whole or not at all. Tensors lie in the order given, the larger types first, so that each
/// is aligned to its type. The same tensors and metadata give the same bytes.
/// @throws RunError as AtomicFile; std::logic_error if a tensor's bytes do not fit its shape or a name comes twice
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

/// The same bytes in memory.
std::vector<std::byte> safetensors_bytes(std::span<const NamedTensor> tensors,
                                         const std::map<std::string, std::string>& metadata);

/// The model's config as JSON text: our metadata, or the Hugging Face layout's config.json beside the file.
/// @throws InputError if there is neither
std::string model_config_text(const SafeTensors& file, const std::filesystem::path& path);

}  // namespace spikemix
