#pragma once

#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/import/family.h"

namespace spikemix {

/// Reads sizes off a network's tensors. Every call names the file and the tensor in what it throws.
class ShapeReader {
 public:
  /// @param file  begins errors: "m.pth: a QKFormer"
  ShapeReader(const TensorMap& tensors, std::string file) : tensors_(tensors), file_(std::move(file)) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// How many sizes a tensor has; 0 if it is not there.
  size_t rank(const std::string& name) const;
  /// Size `axis` of a tensor that must be there. At least 1.
  int64_t size(const std::string& name, size_t axis) const;
  /// Blocks PREFIX0., PREFIX1., ... that have `tensor`.
  int64_t blocks(const std::string& prefix, const std::string& tensor) const;
  /// Hidden size of an MLP's first layer as a multiple of its inputs.
  int64_t mlp_ratio(const std::string& weight) const;

  /// What stands in a block in front of its MLP, as model.mixer says it, by the tensors of its `branches` ("attn.").
  /// "": linear transforms have a norm and no weights, so it may be any of them.
  std::string mixer(const std::string& block, const std::vector<std::string>& branches) const;
  bool is_empty(const std::string& block, const std::vector<std::string>& branches) const;

  /// "m.pth: a QKFormer TEXT"
  InputError error(const std::string& text) const;

 private:
  const TensorMap& tensors_;
  const std::string file_;
};

/// model.KEY=a or model.KEY=["a","b"]
std::string list_setting(const std::string& key, const std::vector<std::string>& values);

/// model.depths, model.mixer and model.mlp_ratio of a network with blocks "stage1.0.".
/// @param may_be_empty  its code has blocks without tensors in front of the MLP
void read_stages(const ShapeReader& reader, int64_t stages, const std::string& mlp,
                 const std::vector<std::string>& branches, bool may_be_empty, Shape& shape);

/// The data set's settings that no tensor says, by its number of classes: T, height, width, and the recipe.
void add_published_data(bool events, int64_t classes, Shape& shape);

}  // namespace spikemix
