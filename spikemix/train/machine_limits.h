#pragma once

#include <string>

namespace spikemix {

/// What this machine does at best with the threads of this process: a second's measurement, for profiles to be held
/// against.
struct MachineLimits {
  double macs = 0;   // a second, of a large matrix product in the precision
  double adds = 0;   // a second, of weights where an input in ten spiked
  double bytes = 0;  // a second, of a copy that no cache holds; read and written ones both counted
};

/// @param precision  fp32 or bf16
MachineLimits measure_machine(const std::string& precision);

}  // namespace spikemix
