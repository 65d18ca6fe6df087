// SPDX-License-Identifier: MIT
#include "spikemix/train/learner.h"

#include <cmath>

#include "spikemix/nn/ops/profile.h"
#include "spikemix/train/first_weights.h"
#include "spikemix/train/freeze.h"
#include "spikemix/train/precision.h"

namespace spikemix {
namespace {

NamedTensors trained_parameters(const SpikingTransformer& model) {
  NamedTensors parameters;
  for (const auto& item : model.named_parameters()) {
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  }
  return parameters;
}

}  // namespace

Learner::Learner(const Config& config, const std::string& device, ProcessGroup* ranks)
    : config_(config),
      ranks_(ranks),
      device_(device),
      model_(make_model()),
      optimizer_(trained_parameters(*model_), tensors_of(model_->plan()), config.train),
      spike_budget_(config.train) {
  if (config.train.ema > 0) {
    average_ = make_model();
    average_->eval();
  }
  if (!ranks_) return;
  model_->set_ranks(ranks_);
  std::vector<torch::Tensor> parameters;
  for (const auto& [name, parameter] : trained_parameters(*model_)) parameters.push_back(parameter);
  ranks_->own_gradients(parameters);
}

std::shared_ptr<SpikingTransformer> Learner::make_model() const {
  auto model = std::make_shared<SpikingTransformer>(config_.model, config_.neuron, uint64_t(config_.train.seed));
  if (config_.train.identity_start) start_as_identities(*model);
  model->to(device_);
  freeze(*model, config_.train.freeze);
  model->set_sparse_below(config_.train.sparse_below);
  model->set_recompute(config_.train.recompute);
  model->set_precision(product_type(config_.train.precision));
  return model;
}

torch::Tensor Learner::to_tensor(const std::vector<float>& values, at::IntArrayRef shape) const {
  return torch::from_blob(const_cast<float*>(values.data()), shape, torch::kFloat32).to(device_);
}

Learner::BatchResult Learner::learn(const Batch& batch, Accumulation place, double lr,
                                    const ResultOfRanks& result_of_ranks) {
  const TrainConfig& t = config_.train;
  const ModelConfig& m = config_.model;
  if (place.first) optimizer_.zero_grad(), step_operations_ = 0;
  model_->train();
  const double spike_weight = spike_budget_.weight();
  if (spike_budget_.on()) model_->set_spike_cost(spike_weight / double(t.accumulate));
  const torch::Tensor images = to_tensor(batch.images, m.input_shape(batch.size));
  const torch::Tensor targets = to_tensor(batch.targets, {batch.size, m.classes});
  torch::Tensor loss;
  if (ranks_ && place.last) ranks_->before_forward();
  {
    const ProfileScope scope("step", "forward");
    loss = torch::cross_entropy_loss(model_->forward(images), targets);
  }
  BatchResult result = result_of_ranks({loss.item<double>(), model_->spike_use()});
  result.spike_cost = spike_weight * result.spikes.operations;
  if (!std::isfinite(result.loss)) throw NotFinite{"the loss", result.loss};
  step_operations_ += result.spikes.operations / double(t.accumulate);
  if (ranks_ && place.last) ranks_->before_backward();
  {
    const ProfileScope scope("step", "backward");
    (t.accumulate == 1 ? loss : loss / double(t.accumulate)).backward();
  }
  if (place.last) {
    const ProfileScope scope("step", "optimiser");
    gradient_norm_ = optimizer_.clip(t.clip_norm);
    if (!std::isfinite(gradient_norm_)) throw NotFinite{"the gradient's norm", gradient_norm_};
    optimizer_.step(lr);
    update_average();
    spike_budget_.adjust(step_operations_);
  }
  return result;
}

void Learner::update_average() {
  if (!average_) return;
  const torch::NoGradGuard no_grad;
  const NamedTensors from = model_state(*model_), to = model_state(*average_);
  for (size_t i = 0; i < from.size(); ++i) {
    const torch::Tensor& average = to[i].second;
    if (average.is_floating_point()) {
      average.lerp_(from[i].second, 1 - config_.train.ema);
    } else {
      average.copy_(from[i].second);
    }
  }
}

NamedTensors Learner::state() const {
  NamedTensors tensors;
  const auto add = [&](const std::string& prefix, const NamedTensors& part) {
    for (const auto& [name, tensor] : part) tensors.emplace_back(prefix + name, tensor);
  };
  add("model.", model_state(*model_));
  add("optimizer.", optimizer_.state());
  if (average_) add("average.", model_state(*average_));
  add("spikes.", spike_budget_.state());
  return tensors;
}

}  // namespace spikemix
