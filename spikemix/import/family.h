#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/formats/tensor_view.h"

namespace spikemix {

/// A network's tensors by name, which may differ from what the file calls them.
using TensorMap = std::map<std::string, TensorView>;

/// What the tensors of a file say of the network, as settings "model.depth=2".
struct Shape {
  std::vector<std::string> fixed;      ///< what a family's code always does, whatever a recipe says
  std::vector<std::string> read;       ///< from names and sizes
  std::vector<std::string> published;  ///< what no tensor says, as the authors set it
  std::vector<std::string> notes;      ///< what was taken to be so and may be otherwise
  /// The recipe whose data settings (mean, std, frames) are theirs where `published` says nothing of them.
  std::string recipe;
  std::string data_set;  ///< what it is called
  /// Why model.mixer cannot be told by the tensors; empty: it can.
  std::string mixer_unknown;
};

/// Code that others publish and train with: how it names a network's tensors, and what they say of the network.
struct Family {
  const char* name;  ///< "QKFormer", with its source if it is not the authors' own
  /// Tensors that each of its networks has; what stands in front of them is where a file keeps the network.
  std::vector<std::string_view> anchors;
  /// Gives the tensors the names of the authors' code, which are ours. nullptr: they have them. `file`, here and below,
  /// begins errors: "m.pth: a QKFormer".
  void (*rename)(TensorMap& tensors, const std::string& file);
  /// nullptr: known, and not imported
  Shape (*read)(const TensorMap& tensors, const std::string& file);
  /// Why it is not imported, where read is nullptr.
  const char* refusal;
  /// Biases that it does not have are zero.
  bool without_bias = false;
};

/// The only list; more particular ones come first.
std::span<const Family> families();

// In spikingjelly.cc.
void rename_spikingjelly_spikformer(TensorMap& tensors, const std::string& file);
void rename_spikingjelly_maxformer(TensorMap& tensors, const std::string& file);
// Each in the file of its name.
void rename_maxformer(TensorMap& tensors, const std::string& file);
Shape read_spikformer(const TensorMap& tensors, const std::string& file);
Shape read_spikingjelly_spikformer(const TensorMap& tensors, const std::string& file);
Shape read_maxformer(const TensorMap& tensors, const std::string& file);
Shape read_qkformer(const TensorMap& tensors, const std::string& file);

}  // namespace spikemix
