// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/base/nearest.h"
#include "spikemix/config/validate.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/builder.h"

// The list. A new architecture needs its file, NAME.cc with build_NAME, and one line here.
//               name          function          streams              summary
#define SPIKEMIX_ARCHITECTURES(ARCHITECTURE)                                                                    \
  ARCHITECTURE("spikformer", build_spikformer, "spike,membrane,iand", "one stage; three stems (model.stem)")    \
  ARCHITECTURE("maxformer", build_maxformer, "membrane", "stages of D/4, D/2, D (events D/2, D) on potentials") \
  ARCHITECTURE("qkformer", build_qkformer, "spike", "stages of D/4, D/2, D on counts of spikes")

namespace spikemix {

#define DECLARE(name, build, streams, summary) Plan build(PlanBuilder);
SPIKEMIX_ARCHITECTURES(DECLARE)

std::span<const Architecture> architectures() {
#define ENTRY(name, build, streams, summary) {name, build, streams, summary},
  static constexpr Architecture kArchitectures[] = {SPIKEMIX_ARCHITECTURES(ENTRY)};
  return kArchitectures;
}

Plan make_plan(const ModelConfig& model, const NeuronConfig& neuron) {
  validate(model, neuron);
  std::vector<std::string> names;
  for (const Architecture& architecture : architectures()) {
    names.push_back(architecture.name);
    if (architecture.name != model.architecture) continue;
    const std::string streams = architecture.streams;
    if (model.stream != "auto" && ("," + streams + ",").find("," + model.stream + ",") == std::string::npos)
      throw input_error("model.stream = {}: {} has {}", model.stream, architecture.name, streams);
    return architecture.build(PlanBuilder(model, neuron));
  }
  throw input_error("model.architecture = {}", unknown_name(model.architecture, names));
}

}  // namespace spikemix
