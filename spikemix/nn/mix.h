#pragma once

#include <optional>

#include <torch/torch.h>

#include "spikemix/mixers/mixer.h"

namespace spikemix {
torch::Tensor mix(const torch::Tensor& x, const Mixer& mixer, const std::optional<torch::Tensor>& coeff);
}  // namespace spikemix
