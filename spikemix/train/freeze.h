#pragma once

#include <set>
#include <string>
#include <vector>

#include "spikemix/nn/modules/model.h"

namespace spikemix {

/// The tensors that train.freeze names, each by its name or how it begins, or as
/// "stem" (the embeddings between stages too), "blocks" or "all but head". A norm whose weight is frozen computes with
/// its running statistics, in training too, and does not move them: what stands behind it then sees in training what it
/// sees in use, and a frozen part is the same function from the first step to the last.
/// @throws InputError for an entry that names no parameter, and if nothing is left to learn
std::set<std::string> frozen_tensors(const Plan& plan, const std::vector<std::string>& entries);

/// Takes the gradient away from them. @throws InputError as frozen_tensors()
void freeze(SpikingTransformer& model, const std::vector<std::string>& entries);

}  // namespace spikemix
