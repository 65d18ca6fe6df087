// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "spikemix/formats/tensor_view.h"

namespace spikemix {

bool is_float(DType dtype);
/// The values of a tensor of floats, of any precision, rounded to fp32.
std::vector<float> to_floats(const TensorView& tensor);

}  // namespace spikemix
