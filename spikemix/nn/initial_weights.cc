#include "spikemix/nn/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "spikemix/core/hash.h"
#include "spikemix/core/rng.h"
#include "spikemix/nn/kernel_data.h"
#include "spikemix/nn/layer.h"

namespace spikemix {
namespace {

template <class Draw>
void fill(const torch::Tensor& tensor, const std::string& name, uint64_t seed, const Draw& draw) {
  Rng rng(seed, Rng::Purpose::kWeights, Hash().add(name).value());
  auto* values = kernel_data<float>(tensor);
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = float(draw(rng));
}

}  // namespace

void draw_initial_weights(torch::nn::Module& model, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  for (const auto& item : model.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    const auto* layer = item.value()->as<Weights>();
    if (!layer) continue;
    const torch::Tensor& weight = layer->weight;
    if (weight.dim() == 2) {
      fill(weight, item.key() + ".weight", seed, [](Rng& rng) { return std::clamp(rng.normal(0, 0.02), -2.0, 2.0); });
      continue;  // zero bias, as built
    }
    const double bound = 1 / std::sqrt(double(weight[0].numel()));
    const auto uniform = [&](Rng& rng) { return rng.uniform(-bound, bound); };
    fill(weight, item.key() + ".weight", seed, uniform);
    if (layer->bias.defined()) fill(layer->bias, item.key() + ".bias", seed, uniform);
  }
}

}  // namespace spikemix
