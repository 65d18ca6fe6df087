#pragma once

#include <string>

#include "spikemix/formats/model_card.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// The network that a model file's config describes. Refuses a config that the engine cannot run: sizes that no weight
/// in the file bears out and that buffers grow with (beyond any real use, so that a small file cannot ask for much
/// memory), and those that its integer types rest on.
/// @throws InputError naming `where` and the key
Plan checked_plan(const ModelCard& card, const std::string& where);

}  // namespace spikemix
