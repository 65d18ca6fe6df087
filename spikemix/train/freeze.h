#pragma once

#include <string>
#include <vector>

#include "spikemix/nn/model.h"

namespace spikemix {

/// train.freeze: takes the gradient away from the parameters that it names, each by its name or how it begins, or as
/// "stem", "blocks" or "all but head". A norm whose weight is frozen computes with its running statistics, in training
/// too, and does not move them: what stands behind it then sees in training what it sees in use, and a frozen part is
/// the same function from the first step to the last.
/// @throws InputError for an entry that names no parameter, and if nothing is left to learn
void freeze(SpikingTransformer& model, const std::vector<std::string>& entries);

}  // namespace spikemix
