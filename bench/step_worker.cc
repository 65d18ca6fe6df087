// SPDX-License-Identifier: MIT
// One contender of bench/compare.py: spikemix's model, one training or inference step for each line "step" on stdin.
//
// usage: step_worker (train|infer) (fp32|bf16) THREADS BATCH IMAGES [weights=FILE] [key=value ...]
//   IMAGES     BATCH images [channels, height, width] as float32, then BATCH labels as int64
//   weights    model.safetensors: a trained model's, for the spikes of a real one
//   key=value  settings as in recipes: model.mixer=wt1d train.sparse_below=0 train.device=cuda
// stdout, one JSON document a line: first {"ready": ..., "parameters"}; for each "step" {"seconds", "loss"}, or
// {"seconds", "logits"} (their largest magnitude) for inference; for each "memory" {"peak_bytes"}.

#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>
#include <torch/version.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/config/config.h"
#include "spikemix/nn/modules/model.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/nn/torch.h"
#include "spikemix/plan/tensors.h"
#include "spikemix/train/device.h"
#include "spikemix/train/optimizer.h"
#include "spikemix/train/tensor_file.h"
#include "spikemix/train/torch_model.h"

namespace spikemix {
namespace {

struct Images {
  torch::Tensor pixels, labels;
};

Images read_images(const std::string& path, int64_t batch, const ModelConfig& model, const torch::Device& device) {
  Images images{torch::empty({batch, model.channels, model.height, model.width}), torch::empty({batch}, torch::kInt64)};
  const std::string bytes = read_file(path);
  if (bytes.size() != images.pixels.nbytes() + images.labels.nbytes()) {
    throw input_error("{}: {} bytes, expected {} images and labels", path, bytes.size(), batch);
  }
  std::memcpy(images.pixels.data_ptr(), bytes.data(), images.pixels.nbytes());
  std::memcpy(images.labels.data_ptr(), bytes.data() + images.pixels.nbytes(), images.labels.nbytes());
  return {images.pixels.to(device), images.labels.to(device)};
}

void answer(const nlohmann::json& document) { std::cout << document.dump() << std::endl; }

void run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 5)
    throw input_error("usage: step_worker (train|infer) (fp32|bf16) THREADS BATCH IMAGES [key=value ...]");
  const bool train = arguments[0] == "train";
  set_compute_threads(std::stoll(arguments[2]));
  Config config;
  std::string weights;
  for (size_t i = 5; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("weights="))
      weights = arguments[i].substr(8);
    else
      apply_override(config, arguments[i]);
  }
  validate(config);
  const std::string device = open_device(config.train.device);
  const Images images = read_images(arguments[4], std::stoll(arguments[3]), config.model, torch::Device(device));

  SpikingTransformer model(config.model, config.neuron, /*seed=*/0);
  model.to(torch::Device(device));
  if (!weights.empty()) {
    load_model_state(model, read_tensors(weights).tensors, weights);
  } else {
    const torch::NoGradGuard no_grad;  // settles the batch norms' statistics, as the peer does
    for (int i = 0; i < 3; ++i) model.forward(images.pixels);
  }
  forget_peak_memory(device);
  model.set_sparse_below(config.train.sparse_below);
  model.set_recompute(config.train.recompute);
  model.set_precision(arguments[1] == "bf16" ? torch::kBFloat16 : torch::kFloat32);
  model.train(train);
  config.train.weight_decay = 0.01;  // the default of torch.optim.AdamW
  NamedTensors parameters;
  for (const auto& item : model.named_parameters()) parameters.emplace_back(item.key(), item.value());
  Optimizer optimizer(parameters, tensors_of(model.plan()), config.train);

  const auto step = [&]() -> nlohmann::json {
    if (!train) {
      const torch::NoGradGuard no_grad;
      return {{"logits", model.forward(images.pixels).abs().max().item<double>()}};
    }
    const torch::Tensor loss = torch::cross_entropy_loss(model.forward(images.pixels), images.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step(/*lr=*/1e-4);
    return {{"loss", loss.item<double>()}};
  };
  step();
  step();
  answer({{"ready", std::string("LibTorch ") + TORCH_VERSION}, {"parameters", learned_values(model)}});
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "memory") {
      answer({{"peak_bytes", peak_memory(device)}});
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    nlohmann::json result = step();
    result["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    answer(result);
  }
}

}  // namespace
}  // namespace spikemix

int main(int argc, char** argv) {
  try {
    spikemix::run({argv + 1, argv + argc});
    return 0;
  } catch (const spikemix::InputError& error) {
    std::cerr << "step_worker: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "step_worker: " << error.what() << '\n';
    return 1;
  }
}
