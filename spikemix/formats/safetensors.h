// SPDX-License-Identifier: MIT
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
/// [begin, end]}, ..., "__metadata__": {"key": "text"}}, then the tensors' bytes. The equivalent of Python's
/// safetensors.safe_open(path, "numpy").
///
/// Our model files have two metadata keys: "format" = "pt" (so that Python tools load them), and "spikemix" = the
/// config as JSON text.
class SafeTensors {
 public:
  /// Nothing in the file is trusted: every size is checked against the bytes that exist.
  /// @throws InputError naming the file, the tensor and the two numbers that disagree
  static SafeTensors open(const std::filesystem::path& path);
  /// The same for bytes that outlive it; `where` is their name in errors.
  static SafeTensors parse(std::span<const std::byte> bytes, const std::string& where);

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// In the order of their bytes in the file.
  const std::vector<std::string>& names() const { return names_; }
  /// nullptr if there is none of that name. The view lives as long as this object or a copy of it.
  const TensorView* find(const std::string& name) const;
  /// Releases the memory of a tensor's bytes until they are read again.
  void release(const TensorView& tensor) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::map<std::string, std::string> metadata_;
  std::vector<std::string> names_;
  std::map<std::string, TensorView> tensors_;
};

/// Writes a file that appears completely or not at all. Tensors are in the given order, but larger types first, so that
/// each is aligned to its type. The same tensors and metadata give the same bytes.
/// @throws RunError as AtomicFile does; std::logic_error if a tensor's bytes do not fit its shape or a name appears
/// twice
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

/// The same bytes in memory.
std::vector<std::byte> safetensors_bytes(std::span<const NamedTensor> tensors,
                                         const std::map<std::string, std::string>& metadata);

/// The model's config as JSON text: from our metadata, or from the Hugging Face layout's config.json next to the file.
/// @throws InputError if there is neither
std::string model_config_text(const SafeTensors& file, const std::filesystem::path& path);

}  // namespace spikemix
