// SPDX-License-Identifier: MIT
#pragma once

#include <set>
#include <string>
#include <vector>

#include "spikemix/nn/modules/model.h"

namespace spikemix {

/// The tensors that train.freeze names, each by its name or the start of it, or as "stem" (which includes the
/// embeddings between stages), "blocks" or "all but head". A norm whose weight is frozen uses its running statistics in
/// training too, and does not move them. So the layers after it see the same in training as in use, and a frozen part
/// is the same function from the first step to the last.
/// @throws InputError for an entry that names no parameter, and if nothing is left to learn
std::set<std::string> frozen_tensors(const Plan& plan, const std::vector<std::string>& entries);

/// Turns their gradients off. @throws InputError as frozen_tensors() does
void freeze(SpikingTransformer& model, const std::vector<std::string>& entries);

}  // namespace spikemix
