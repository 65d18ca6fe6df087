// SPDX-License-Identifier: MIT
#include "spikemix/train/torch_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "spikemix/base/error.h"
#include "spikemix/formats/model_file.h"
#include "spikemix/nn/modules/model.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/device.h"
#include "spikemix/train/evaluate_model.h"
#include "spikemix/train/precision.h"
#include "spikemix/train/tensor_file.h"

namespace spikemix {
namespace {

std::vector<float> logits_of(SpikingTransformer& model, const ModelCard& card, const Batch& batch) {
  const ModelConfig& m = card.model;
  const torch::InferenceMode no_gradients;
  const torch::Tensor images = torch::from_blob(const_cast<float*>(batch.images.data()), m.input_shape(batch.size));
  const torch::Tensor logits =
      model.forward(images.to(model.parameters().front().device())).to(torch::kCPU, torch::kFloat32).contiguous();
  return {logits.data_ptr<float>(), logits.data_ptr<float>() + logits.numel()};
}

// As the engine does: larger ones give sums, and so probabilities, that are not finite.
void check_sizes_of_weights(const torch::nn::Module& model, const std::string& file) {
  for (const auto& item : model.named_parameters()) {
    const torch::Tensor values = item.value().flatten();
    const float largest = values[values.abs().argmax()].item<float>();
    if (!(std::abs(largest) <= kLargestWeight))
      throw input_error("{}: tensor '{}' holds {}, expected up to {}", file, item.key(), largest, kLargestWeight);
  }
}

}  // namespace

EvalResult evaluate_model(SpikingTransformer& model, const ModelCard& card, std::shared_ptr<const Dataset> data,
                          int64_t batch, int64_t loader_threads, const std::function<void(int64_t done)>& on_batch,
                          ProcessGroup* ranks) {
  model.eval();
  LoaderOptions options = test_loader_options(card, batch, loader_threads);
  SumOfRanks sum;
  if (ranks) {
    options.rank = ranks->launch().rank, options.ranks = ranks->count();
    sum = [&](std::span<double> values) {
      torch::Tensor totals = torch::from_blob(values.data(), {int64_t(values.size())}, torch::kFloat64).clone();
      ranks->sum(totals);
      std::copy_n(totals.const_data_ptr<double>(), values.size(), values.begin());
    };
  }
  return evaluate(
      std::move(data), options, [&](const Batch& images) { return logits_of(model, card, images); }, on_batch, sum);
}

struct TorchModel::State {
  ModelCard card;
  std::shared_ptr<SpikingTransformer> model;
};

TorchModel::TorchModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchModel::~TorchModel() = default;
TorchModel::TorchModel(TorchModel&&) noexcept = default;

TorchModel TorchModel::load(const std::filesystem::path& path, const std::string& device,
                            const std::string& precision) {
  const std::filesystem::path file = model_file_of(path);
  const TensorFile tensors = read_tensors(file);
  const bool integers = std::ranges::any_of(tensors.tensors, [](const auto& named) {
    return named.second.scalar_type() == torch::kChar || named.second.scalar_type() == torch::kShort;
  });
  if (integers)
    throw input_error(
        "{}: its weights are integers, written by `spikemix export`; LibTorch runs the trained model it was "
        "made from, --engine spikemix this one",
        file.string());
  auto state = std::make_unique<State>();
  state->card = read_model_card(file);
  state->model = std::make_shared<SpikingTransformer>(state->card.model, state->card.neuron, /*seed=*/0);
  load_model_state(*state->model, tensors.tensors, file.string());
  check_sizes_of_weights(*state->model, file.string());
  state->model->to(torch::Device(open_device(device)));
  state->model->set_precision(product_type(precision));
  state->model->eval();
  return TorchModel(std::move(state));
}

const ModelCard& TorchModel::card() const { return state_->card; }

std::vector<float> TorchModel::logits(const Batch& batch) { return logits_of(*state_->model, state_->card, batch); }

void set_compute_threads(int64_t threads) {
  if (threads > 0) at::set_num_threads(int(threads));
  at::globalContext().setFlushDenormal(true);
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace spikemix
