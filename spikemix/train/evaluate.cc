#include "spikemix/train/evaluate.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <torch/torch.h>

#include "spikemix/core/error.h"
#include "spikemix/core/model_file.h"
#include "spikemix/nn/model.h"
#include "spikemix/nn/model_state.h"
#include "spikemix/train/evaluate_model.h"
#include "spikemix/train/tensor_file.h"

namespace spikemix {
namespace {

torch::Tensor forward(Spikformer& model, const ModelCard& card, const Batch& batch) {
  const ModelConfig& m = card.model;
  const torch::InferenceMode no_gradients;
  const torch::Tensor images =
      torch::from_blob(const_cast<float*>(batch.images.data()), {batch.size, m.channels, m.height, m.width});
  return model.forward(images.to(model.parameters().front().device())).to(torch::kCPU, torch::kFloat32).contiguous();
}

}  // namespace

LoaderOptions test_loader_options(const ModelCard& card, int64_t batch, int64_t threads) {
  LoaderOptions options;
  options.height = card.model.height, options.width = card.model.width, options.channels = card.model.channels;
  options.classes = card.model.classes;
  options.mean = card.mean, options.std = card.std;
  options.batch = batch, options.threads = threads;
  return options;
}

EvalResult evaluate_model(Spikformer& model, const ModelCard& card, std::shared_ptr<const Dataset> data, int64_t batch,
                          int64_t loader_threads, const std::function<void(int64_t done)>& on_batch) {
  const auto start = std::chrono::steady_clock::now();
  model.eval();
  Loader loader(data, test_loader_options(card, batch, loader_threads));
  loader.start_epoch(0);
  EvalResult result;
  Batch images;
  int64_t first = 0, fifth = 0;
  double loss = 0;
  while (loader.next(images)) {
    const torch::Tensor logits = forward(model, card, images);
    const torch::Tensor labels = torch::from_blob(images.labels.data(), {images.size}, torch::kInt64);
    // The rank of the right class: how many classes score higher. Ties count for the model, as argmax does for the
    // first.
    const torch::Tensor rank = (logits > logits.gather(1, labels.unsqueeze(1))).sum(1);
    first += (logits.argmax(1) == labels).sum().item<int64_t>();
    fifth += (rank < 5).sum().item<int64_t>();
    loss += torch::nn::functional::cross_entropy(
                logits, labels, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum))
                .item<double>();
    result.images += images.size;
    if (on_batch) on_batch(result.images);
  }
  const double n = double(result.images);
  result.top1 = 100 * double(first) / n, result.top5 = 100 * double(fifth) / n, result.loss = loss / n;
  result.images_per_second = n / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

struct TorchModel::State {
  ModelCard card;
  std::shared_ptr<Spikformer> model;
};

TorchModel::TorchModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchModel::~TorchModel() = default;
TorchModel::TorchModel(TorchModel&&) noexcept = default;

TorchModel TorchModel::load(const std::filesystem::path& path, const std::string& device,
                            const std::string& precision) {
  const std::filesystem::path file = model_file_of(path);
  const TensorFile tensors = read_tensors(file);
  auto state = std::make_unique<State>();
  state->card = read_model_card(file);
  state->model = std::make_shared<Spikformer>(state->card.model, state->card.neuron, /*seed=*/0);
  load_model_state(*state->model, tensors.tensors, file.string());
  if (device != "cpu" && !torch::cuda::is_available()) {
    throw input_error("--device {}: no CUDA device here", device);
  }
  state->model->to(torch::Device(device));
  state->model->set_precision(precision == "bf16" ? torch::kBFloat16 : torch::kFloat32);
  state->model->eval();
  return TorchModel(std::move(state));
}

const ModelCard& TorchModel::card() const { return state_->card; }

std::vector<float> TorchModel::logits(const Batch& batch) {
  const torch::Tensor logits = forward(*state_->model, state_->card, batch);
  return {logits.data_ptr<float>(), logits.data_ptr<float>() + logits.numel()};
}

EvalResult TorchModel::evaluate(std::shared_ptr<const Dataset> data, int64_t batch, int64_t loader_threads,
                                const std::function<void(int64_t done)>& on_batch) {
  return evaluate_model(*state_->model, state_->card, std::move(data), batch, loader_threads, on_batch);
}

void set_compute_threads(int64_t threads) {
  if (threads > 0) at::set_num_threads(int(threads));
  at::globalContext().setFlushDenormal(true);
}

}  // namespace spikemix
