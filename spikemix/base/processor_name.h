// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace spikemix {

/// "AMD EPYC 9554", as the system names it; "unknown" if it does not.
std::string processor_name();

}  // namespace spikemix
