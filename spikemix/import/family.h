// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/formats/tensor_view.h"

namespace spikemix {

/// A network's tensors by our names, which may differ from those in the file.
using TensorMap = std::map<std::string, TensorView>;

/// What a file's tensors say about the network, as settings "model.depth=2".
struct Shape {
  std::vector<std::string> fixed;      ///< what a family's code always does, regardless of recipes
  std::vector<std::string> read;       ///< from names and sizes
  std::vector<std::string> published;  ///< what no tensor determines, as the authors set it
  std::vector<std::string> notes;      ///< assumptions that may be wrong
  /// The recipe whose data settings (mean, std, frames) are used where `published` has none.
  std::string recipe;
  std::string data_set;  ///< the data set's name
  /// Why the tensors do not determine model.mixer; empty if they do.
  std::string mixer_unknown;
};

/// One authors' code: how it names a network's tensors, and what they say about the network.
struct Family {
  const char* name;  ///< "QKFormer", with its source if it is not the authors' own
  /// Tensors that each of its networks has; the names' prefix is the network's place in the file.
  std::vector<std::string_view> anchors;
  /// Renames the tensors to the names of the authors' code, which are ours. nullptr: they already have them. `file`,
  /// here and below, begins errors: "m.pth: a QKFormer".
  void (*rename)(TensorMap& tensors, const std::string& file);
  /// nullptr if the code is known but not imported
  Shape (*read)(const TensorMap& tensors, const std::string& file);
  /// Why it is not imported, if read is nullptr.
  const char* refusal;
  /// Biases that it lacks are zero.
  bool without_bias = false;
};

/// The only list; more specific ones come first.
std::span<const Family> families();

// In spikingjelly.cc.
void rename_spikingjelly_spikformer(TensorMap& tensors, const std::string& file);
void rename_spikingjelly_maxformer(TensorMap& tensors, const std::string& file);
// Each is in the file of its name.
void rename_maxformer(TensorMap& tensors, const std::string& file);
Shape read_spikformer(const TensorMap& tensors, const std::string& file);
Shape read_spikingjelly_spikformer(const TensorMap& tensors, const std::string& file);
Shape read_maxformer(const TensorMap& tensors, const std::string& file);
Shape read_qkformer(const TensorMap& tensors, const std::string& file);

}  // namespace spikemix
