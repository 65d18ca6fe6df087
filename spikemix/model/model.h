// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>

#include "spikemix/plan/plan.h"

namespace spikemix {

class PlanBuilder;

/// A family of networks, one file of this folder each. registry.cc lists them.
struct Architecture {
  const char* name;
  Plan (*build)(PlanBuilder builder);
  const char* streams;  // what model.stream may name, joined by commas; the first is what auto stands for
  const char* summary;
};

/// The only list of architectures: config checks, help and docs read it.
std::span<const Architecture> architectures();

/// The network that a config describes.
/// @throws InputError naming the key (or the mixer) that does not fit, before anything is allocated for the network
Plan make_plan(const ModelConfig& model, const NeuronConfig& neuron);

/// Tensors that the published Spikformer's constructors create but no forward pass reads (LayerNorms and a position
/// embedding): they are skipped when a file is read.
bool is_published_but_unused(const std::string& name);

}  // namespace spikemix
