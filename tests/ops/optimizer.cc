// SPDX-License-Identifier: MIT
#include <torch/library.h>

#include "spikemix/train/muon.h"

namespace {

// `weight` after one step with each of the gradients.
torch::Tensor muon(const torch::Tensor& weight, const torch::Tensor& gradients, double lr, double momentum,
                   double weight_decay, const std::string& precision) {
  spikemix::TrainConfig config;
  config.momentum = momentum, config.weight_decay = weight_decay;
  config.precision = precision;
  torch::Tensor learned = weight.clone().requires_grad_();
  spikemix::Muon optimizer({{"weight", learned}}, config);
  for (const torch::Tensor& gradient : gradients.unbind()) {
    learned.mutable_grad() = gradient;
    optimizer.step(lr);
  }
  return learned.detach();
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.def("muon", muon);
  library.def("orthogonalised", spikemix::orthogonalised);
}
