#pragma once

#include <span>
#include <string>

#include "spikemix/plan/plan.h"

namespace spikemix {

class PlanBuilder;

/// A family of networks: a file of this folder. In registry.cc.
struct Architecture {
  const char* name;
  Plan (*build)(PlanBuilder builder);
  const char* streams;  // that model.stream may name, joined by commas; the first is what auto stands for
  const char* summary;
};

/// The only list: config checks, help and docs read it.
std::span<const Architecture> architectures();

/// The network that a config describes.
/// @throws InputError naming the key (or the mixer) that does not fit; nothing has been allocated for the network then
Plan make_plan(const ModelConfig& model, const NeuronConfig& neuron);

/// LayerNorms and a position embedding that the published Spikformer's constructors make and no forward pass reads:
/// skipped in files.
bool is_published_but_unused(const std::string& name);

}  // namespace spikemix
