#pragma once

#include <string>

namespace spikemix {

/// "AMD EPYC 9554", as the system calls it; "unknown" where it does not tell.
std::string processor_name();

}  // namespace spikemix
