// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace spikemix {

/// What a run's bits depend on outside its settings and data: versions, git commit, compiler, processor, and the
/// instruction sets that LibTorch ("cpu_capability") and the kernels ("kernel_target") use.
nlohmann::json environment();

/// "fp32", "bf16", or "bf16, multiplied as fp32": what train.precision means on a device.
std::string effective_precision(const std::string& precision, const std::string& device);

}  // namespace spikemix
