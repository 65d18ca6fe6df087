// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/initial_weights.h"

#include <algorithm>
#include <cmath>

#include "spikemix/base/hash.h"
#include "spikemix/base/rng.h"
#include "spikemix/nn/ops/kernel_data.h"

namespace spikemix {
namespace {

template <class Draw>
void fill(const torch::Tensor& tensor, const std::string& name, uint64_t seed, const Draw& draw) {
  const torch::NoGradGuard no_grad;
  Rng rng(seed, Rng::Purpose::kWeights, Hash().add(name).value());
  auto* values = kernel_data<float>(tensor);
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = float(draw(rng));
}

void fill_normal(const torch::Tensor& tensor, const std::string& name, uint64_t seed) {
  fill(tensor, name, seed, [](Rng& rng) { return std::clamp(rng.normal(0, 0.02), -2.0, 2.0); });
}

void fill_uniform(const torch::Tensor& tensor, const std::string& name, const torch::Tensor& weight, uint64_t seed) {
  const double bound = 1 / std::sqrt(double(weight[0].numel()));
  fill(tensor, name, seed, [&](Rng& rng) { return rng.uniform(-bound, bound); });
}

bool is_matrix(const torch::Tensor& weight) { return weight.dim() == 2; }

}  // namespace

void draw_weight(const torch::Tensor& weight, const std::string& name, uint64_t seed) {
  is_matrix(weight) ? fill_normal(weight, name, seed) : fill_uniform(weight, name, weight, seed);
}

void draw_bias(const torch::Tensor& bias, const std::string& name, const torch::Tensor& weight, uint64_t seed) {
  if (!is_matrix(weight)) fill_uniform(bias, name, weight, seed);  // otherwise zero, as built
}

void draw_position(const torch::Tensor& position, const std::string& name, uint64_t seed) {
  fill_normal(position, name, seed);
}

void draw_gate(const torch::Tensor& gate, const std::string& name, uint64_t seed) { fill_normal(gate, name, seed); }

}  // namespace spikemix
