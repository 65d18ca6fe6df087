// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/import/family.h"

namespace spikemix {

/// Reads sizes from a network's tensors. Every error names the file and the tensor.
class ShapeReader {
 public:
  /// @param file  the start of errors: "m.pth: a QKFormer"
  ShapeReader(const TensorMap& tensors, std::string file) : tensors_(tensors), file_(std::move(file)) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// The number of a tensor's dimensions; 0 if it does not exist.
  size_t rank(const std::string& name) const;
  /// Size `axis` of a tensor that must exist. At least 1.
  int64_t size(const std::string& name, size_t axis) const;
  /// The number of blocks PREFIX0., PREFIX1., ... that have `tensor`.
  int64_t blocks(const std::string& prefix, const std::string& tensor) const;
  /// The hidden size of an MLP's first layer as a multiple of its inputs.
  int64_t mlp_ratio(const std::string& weight) const;

  /// The part of a block before its MLP, as model.mixer names it, judged by the tensors of its `branches` ("attn.").
  /// "": linear transforms have a norm and no weights, so it may be any of them.
  std::string mixer(const std::string& block, const std::vector<std::string>& branches) const;
  bool is_empty(const std::string& block, const std::vector<std::string>& branches) const;

  /// An error "m.pth: a QKFormer TEXT".
  InputError error(const std::string& text) const;

 private:
  const TensorMap& tensors_;
  const std::string file_;
};

/// model.KEY=a or model.KEY=["a","b"]
std::string list_setting(const std::string& key, const std::vector<std::string>& values);

/// model.input, model.channels, model.embed_dim and model.classes, by the stem's first convolution and the head.
/// @returns the classes
int64_t read_ends(const ShapeReader& reader, bool events, const std::string& stem, Shape& shape);

/// model.depths, model.mixer and model.mlp_ratio of a network with blocks "stage1.0.".
/// @param may_be_empty  its code has blocks without tensors before the MLP
void read_stages(const ShapeReader& reader, int64_t stages, const std::string& mlp,
                 const std::vector<std::string>& branches, bool may_be_empty, Shape& shape);

/// The data set's settings that no tensor determines, by its number of classes: T, height, width, and the recipe.
void add_published_data(bool events, int64_t classes, Shape& shape);

}  // namespace spikemix
