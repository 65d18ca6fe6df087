#pragma once

#include "spikemix/config/config.h"

namespace spikemix {

/// Trains `config` for some steps in a folder that is thrown away, and prints where their time went: a row for each
/// layer and operator, with the share of the step, the density of the inputs and how near the machine's limit it is.
/// @param json  one JSON document instead of the table
void profile_training(Config config, bool json);

}  // namespace spikemix
