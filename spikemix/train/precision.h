// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The type of products for a value of train.precision: "fp32" or "bf16".
inline torch::ScalarType product_type(std::string_view precision) {
  return precision == "bf16" ? torch::kBFloat16 : torch::kFloat32;
}

}  // namespace spikemix
