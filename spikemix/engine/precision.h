// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace spikemix {

/// The type of the engine's weights; sums and potentials follow from it. The first convolution, the mixers and the head
/// are fp32 in all of them.
enum class Precision { kFp32, kInt16, kInt8 };

/// @throws InputError naming the nearest of fp32, int16, int8
Precision parse_precision(const std::string& name);
const char* name_of(Precision precision);

}  // namespace spikemix
