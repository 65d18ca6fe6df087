// SPDX-License-Identifier: MIT
#include "spikemix/base/processor_name.h"

#include <fstream>

namespace spikemix {

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace spikemix
