#pragma once

#include <filesystem>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "spikemix/core/tensor_view.h"

namespace spikemix {

/// The tensors of a PyTorch checkpoint (.pth, .pth.tar, .pt: whatever torch.save wrote since 1.6), without PyTorch and
/// without running the code that such a file may hold: the same as torch.load(path, weights_only=True)["state_dict"].
///
/// The state dict is taken from the top level or from under "state_dict", "model", "model_state_dict" or "net"; the
/// "module." that DataParallel puts before every name is dropped. Arguments, optimisers and the like are passed over.
/// Memory: the state dict's own bytes, at most three times the file's.
class PthFile {
 public:
  /// @throws InputError naming the file, and the tensor with what is wrong about it
  static PthFile open(const std::filesystem::path& path);
  /// The same on bytes; `where` names them in errors.
  static PthFile parse(std::span<const std::byte> bytes, const std::string& where);

  PthFile(PthFile&&) = default;
  PthFile& operator=(PthFile&&) = default;

  /// In the order of the state dict. The views live as long as this object.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// Names in the state dict whose values are no tensors.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  PthFile() = default;
  std::vector<NamedTensor> tensors_;
  std::vector<std::string> skipped_;
  std::list<std::vector<std::byte>> memory_;  // what the views look at
};

}  // namespace spikemix
