// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/formats/model_card.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// The network that a model file's config describes. Refuses configs that the engine cannot run: sizes beyond any real
/// use that make buffers grow although no weight in the file confirms them (a small file must not demand much memory),
/// and sizes that its integer types do not allow.
/// @throws InputError naming `where` and the key
Plan checked_plan(const ModelCard& card, const std::string& where);

}  // namespace spikemix
