// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/spike_meter.h"

namespace spikemix {

void SpikeMeter::add(double share, const torch::Tensor& means) {
  sum_ = sum_.defined() ? sum_ + means * share : means * share;
}

SpikeUse SpikeMeter::use() const {
  if (!sum_.defined()) return {};
  const torch::Tensor sum = sum_.to(torch::kCPU);
  return {sum[0].item<double>(), sum[1].item<double>()};
}

}  // namespace spikemix
