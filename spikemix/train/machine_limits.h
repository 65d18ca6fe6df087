#pragma once

#include <string>

namespace spikemix {

/// What the device does at best (of a CPU, with the threads of this process): a second's measurement, for profiles to
/// be held against.
struct MachineLimits {
  double macs = 0;   // a second, of a large matrix product in the precision
  double adds = 0;   // a second, of weights where an input in ten spiked; 0 on a GPU, where none are added
  double bytes = 0;  // a second, of a copy that no cache holds; read and written ones both counted
};

/// @param precision  fp32 or bf16
/// @param device     as open_device() names it
MachineLimits measure_machine(const std::string& precision, const std::string& device);

}  // namespace spikemix
