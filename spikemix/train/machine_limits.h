// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace spikemix {

/// The device's best rates (on a CPU, with the threads of this process), measured in one second, for comparison in
/// profiles.
struct MachineLimits {
  double macs = 0;   // a second, in a large matrix product of that precision
  double adds = 0;   // a second, of weights where one input in ten spikes; 0 on a GPU, which adds none
  double bytes = 0;  // a second, in a copy that no cache holds; reads and writes both count
};

/// @param precision  fp32 or bf16
/// @param device     as open_device() names it
MachineLimits measure_machine(const std::string& precision, const std::string& device);

}  // namespace spikemix
