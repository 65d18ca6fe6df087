#pragma once

#include <string_view>

#include "spikemix/nn/torch.h"

namespace spikemix {

/// The type that products are computed in, by the name that train.precision has for it: "fp32" or "bf16".
inline torch::ScalarType product_type(std::string_view precision) {
  return precision == "bf16" ? torch::kBFloat16 : torch::kFloat32;
}

}  // namespace spikemix
