// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "spikemix/cli/comparison.h"

namespace spikemix {

/// What `spikemix compare` says about groups of runs, for the page of `spikemix report`: means over seeds, differences
/// in pairs with their intervals, and the conclusion. "" if no group has several seeds.
std::string comparison_html(const Comparison& comparison);

}  // namespace spikemix
