#pragma once

#include <filesystem>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/formats/tensor_view.h"

namespace spikemix {

/// A tensor's name without the parts that stand for no part of the model: what DataParallel, torch.compile, FSDP and
/// checkpointing put into it ("module", "_orig_mod", ...), wherever it stands.
std::string without_wrappers(std::string_view name);

/// The tensors of a PyTorch checkpoint (.pth, .pth.tar, .pt: whatever torch.save wrote since 1.6), without PyTorch and
/// without running the code that such a file may hold: the same as torch.load(path, weights_only=True)["state_dict"].
///
/// The state dict is the file's one dict of tensors, at the top or inside other dicts; of several, "state_dict",
/// "model", "model_state_dict", "net" or "module" goes before averages ("state_dict_ema", ...). Names are
/// without_wrappers().
/// Arguments, optimisers and the like are passed over.
/// Memory: the state dict's own bytes, at most three times the file's.
class PthFile {
 public:
  /// @param key  which of the file's state dicts, as others() names them; empty: as above
  /// @throws InputError naming the file, and the tensor with what is wrong about it
  static PthFile open(const std::filesystem::path& path, const std::string& key = "");
  /// The same on bytes; `where` names them in errors.
  static PthFile parse(std::span<const std::byte> bytes, const std::string& where, const std::string& key = "");

  PthFile(PthFile&&) = default;
  PthFile& operator=(PthFile&&) = default;

  /// In the order of the state dict. The views live as long as this object.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// Names in the state dict whose values are no tensors.
  const std::vector<std::string>& skipped() const { return skipped_; }
  /// Where the state dict lies, as "state_dict" or "ema.model"; empty: at the top. And where the file has others.
  const std::string& key() const { return key_; }
  const std::vector<std::string>& others() const { return others_; }

 private:
  PthFile() = default;
  std::vector<NamedTensor> tensors_;
  std::vector<std::string> skipped_, others_;
  std::string key_;
  std::list<std::vector<std::byte>> memory_;  // what the views look at
};

}  // namespace spikemix
