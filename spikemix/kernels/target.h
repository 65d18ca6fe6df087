// SPDX-License-Identifier: MIT
#pragma once

namespace spikemix {

/// The instruction set that the kernels use on this processor, by Highway's name: "AVX3_DL", "AVX2", "NEON".
const char* kernel_target();

}  // namespace spikemix
