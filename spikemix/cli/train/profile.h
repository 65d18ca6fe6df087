// SPDX-License-Identifier: MIT
#pragma once

#include "spikemix/config/config.h"

namespace spikemix {

/// Trains `config` for some steps in a temporary folder, and prints where their time went: a row for each layer and
/// operator, with its share of the step, the density of its inputs and how close it is to the machine's limit.
/// @param json  one JSON document instead of the table
void profile_training(Config config, bool json);

}  // namespace spikemix
