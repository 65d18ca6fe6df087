#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/core/config.h"

namespace spikemix {

/// One tensor of a model file. Names are the published Spikformer's (cifar10/model.py for images, cifar10dvs/model.py
/// for events); a linear mixer has `block.N.attn.bn.*`, and `block.N.attn.coeff` if it learns coefficients.
struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
  bool learned = true;  // false: batch norm's running statistics
  double macs = 0;      // dense multiply-adds of one image and time step, for weights

  int64_t values() const;
};

/// Every tensor of a model, in order of the forward pass, from its config alone: what `spikemix info` counts, what a
/// loader expects, what the network holds. @throws InputError if a mixer refuses its size
std::vector<TensorSpec> tensor_list(const ModelConfig& model, const NeuronConfig& neuron);

/// LayerNorms and a position embedding that the published constructors make and no forward pass reads: skipped in
/// files.
bool is_published_but_unused(const std::string& name);

/// Count of learned values: 9,324,730 for the published 4-384 with attention and 10 classes.
int64_t learned_values(const std::vector<TensorSpec>& tensors);

}  // namespace spikemix
