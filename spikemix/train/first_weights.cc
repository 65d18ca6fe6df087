// SPDX-License-Identifier: MIT
#include "spikemix/train/first_weights.h"

#include <algorithm>
#include <string>
#include <vector>

#include "spikemix/data/evaluate.h"
#include "spikemix/data/loader.h"
#include "spikemix/data/subset.h"
#include "spikemix/nn/torch.h"

namespace spikemix {
namespace {

using torch::Tensor;

constexpr int64_t kPixels = 1 << 22, kMostImages = 4096;  // limits on what is read
constexpr int64_t kPixelsAtOnce = 1 << 16;
constexpr double kEps = 5e-4;  // as in airbench

// Sums over the patches that a window sees in x [images, C, H, W], in the order of the window's weights.
struct Patches {
  int64_t n = 0;
  Tensor sums, products;

  Patches(int64_t inputs)
      : sums(torch::zeros({inputs}, torch::kFloat64)), products(torch::zeros({inputs, inputs}, torch::kFloat64)) {}

  void add(const Tensor& x, const Window& window) {
    const Tensor seen = x.unfold(2, window.kernel, window.stride).unfold(3, window.kernel, window.stride);
    const Tensor patches = seen.permute({0, 2, 3, 1, 4, 5}).reshape({-1, sums.numel()}).to(torch::kFloat64);
    n += patches.size(0);
    sums += patches.sum(0);
    products += patches.t().mm(patches);
  }
};

}  // namespace

void start_as_identities(SpikingTransformer& model) {
  const torch::NoGradGuard no_grad;
  const auto parameters = model.named_parameters();
  for (const LayerPlan& layer : model.plan().layers) {
    if (layer.map != Map::kConvolution || layer.role == Role::kFirst) continue;
    if (layer.window.depthwise || layer.window.kernel != 3) continue;
    Tensor weight = parameters[layer.parts[0].tensors.weight];
    const int64_t copies = std::min(weight.size(0), weight.size(1));
    weight.slice(0, 0, copies).zero_();
    for (int64_t i = 0; i < copies; ++i) weight[i][i][1][1] = 1;
  }
}

Tensor whitening_filters(int64_t n, const Tensor& sums, const Tensor& products, int64_t outputs) {
  const Tensor mean = sums / double(n);
  const auto [values, vectors] = at::linalg_eigh(products / double(n) - mean.outer(mean));  // ascending
  const int64_t inputs = sums.numel(), taken = std::min(inputs, outputs / 2);
  const Tensor v = vectors.t().slice(0, inputs - taken).flip(0), lambda = values.slice(0, inputs - taken).flip(0);
  const Tensor largest = v.gather(1, v.abs().argmax(1, /*keepdim=*/true));
  const Tensor filters = v * largest.sign() / (lambda.clamp_min(0) + kEps).sqrt().unsqueeze(1);
  return torch::cat({filters, -filters});
}

void whiten(const NamedTensors& state, const Plan& plan, const ModelCard& card,
            const std::shared_ptr<const Dataset>& images, int64_t threads) {
  const LayerPlan& layer = plan.layers.front();
  const std::vector<int64_t>& shape = layer.weight_shape;  // [out, in, kernel, kernel]
  const int64_t pixels = card.model.height * card.model.width * (card.model.takes_events() ? card.model.T : 1);
  const int64_t wanted = std::clamp<int64_t>(kPixels / pixels, 1, std::min(kMostImages, images->size()));
  const int64_t batch = std::clamp<int64_t>(kPixelsAtOnce / pixels, 1, wanted);
  Loader loader(subset(images, wanted, "train.whiten"), test_loader_options(card, batch, threads));
  loader.start_epoch(0);
  Patches patches(shape[1] * shape[2] * shape[3]);
  for (Batch inputs; loader.next(inputs);) {
    const Tensor x = torch::from_blob(inputs.images.data(), card.model.input_shape(inputs.size));
    patches.add(x.reshape({-1, x.size(-3), x.size(-2), x.size(-1)}), layer.window);
  }
  const Tensor filters = whitening_filters(patches.n, patches.sums, patches.products, shape[0]);
  const torch::NoGradGuard no_grad;
  const std::string& weight = layer.parts[0].tensors.weight;
  for (const auto& [name, tensor] : state) {
    if (name != "model." + weight && name != "average." + weight) continue;
    tensor.flatten(1).slice(0, 0, filters.size(0)).copy_(filters);
  }
}

}  // namespace spikemix
