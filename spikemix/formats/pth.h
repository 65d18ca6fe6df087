// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/formats/tensor_view.h"

namespace spikemix {

/// A tensor's name without the parts that do not name a part of the model: those that DataParallel, torch.compile, FSDP
/// and checkpointing insert anywhere ("module", "_orig_mod", ...).
std::string without_wrappers(std::string_view name);

/// The tensors of a PyTorch checkpoint (.pth, .pth.tar, .pt: anything that torch.save has written since 1.6), read
/// without PyTorch and without running code that such a file may hold: as torch.load(path,
/// weights_only=True)["state_dict"] gives them.
///
/// The state dict is the file's only dict of tensors, at the top level or inside other dicts. If there are several,
/// "state_dict", "model", "model_state_dict", "net" or "module" are preferred to averages ("state_dict_ema", ...).
/// Names are without_wrappers(). Arguments, optimisers and the like are ignored.
/// Memory: the state dict's own bytes, at most three times the file's.
class PthFile {
 public:
  /// @param key  which of the file's state dicts, by a name from others(); empty: as above
  /// @throws InputError naming the file, and the tensor with what is wrong with it
  static PthFile open(const std::filesystem::path& path, const std::string& key = "");
  /// The same on bytes; `where` names them in errors.
  static PthFile parse(std::span<const std::byte> bytes, const std::string& where, const std::string& key = "");

  PthFile(PthFile&&) = default;
  PthFile& operator=(PthFile&&) = default;

  /// In the order of the state dict. The views live as long as this object.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }
  /// Names in the state dict whose values are not tensors.
  const std::vector<std::string>& skipped() const { return skipped_; }
  /// The place of the state dict, such as "state_dict" or "ema.model" (empty: at the top level), and those of others.
  const std::string& key() const { return key_; }
  const std::vector<std::string>& others() const { return others_; }

 private:
  PthFile() = default;
  std::vector<NamedTensor> tensors_;
  std::vector<std::string> skipped_, others_;
  std::string key_;
  std::list<std::vector<std::byte>> memory_;  // holds the data of the views
};

}  // namespace spikemix
