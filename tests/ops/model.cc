// SPDX-License-Identifier: MIT
#include "spikemix/nn/modules/model.h"

#include <nlohmann/json.hpp>
#include <torch/custom_class.h>
#include <torch/library.h>

#include "spikemix/nn/modules/model_state.h"
#include "spikemix/train/first_weights.h"

namespace {

using torch::Tensor;

// torch.classes.spikemix_test.Model(config, seed): config is the JSON {"model": {...}, "neuron": {...}}.
class Model : public torch::CustomClassHolder {
 public:
  Model(const std::string& config, int64_t seed) {
    const auto json = nlohmann::json::parse(config);
    spikemix::ModelConfig model;
    spikemix::NeuronConfig neuron;
    const auto read = [&](const char* section) {
      return [&json, section](const char* key, auto& field, const char*) {
        if (json.contains(section) && json[section].contains(key)) json[section][key].get_to(field);
      };
    };
    model.visit(read("model"));
    neuron.visit(read("neuron"));
    model_ = std::make_shared<spikemix::SpikingTransformer>(model, neuron, uint64_t(seed));
  }

  Tensor forward(const Tensor& x) { return model_->forward(x); }
  void train(bool on) { model_->train(on); }
  // Module::to would make doubles of the batch counters too.
  void to_double() {
    for (auto& [name, tensor] : spikemix::model_state(*model_))
      if (tensor.is_floating_point()) tensor.set_data(tensor.to(torch::kFloat64));
  }
  void to_device(const std::string& device) { model_->to(torch::Device(device)); }
  void set_sparse_below(double share) { model_->set_sparse_below(share); }
  void set_training_steps(int64_t T) { model_->set_training_steps(T); }
  void set_recompute(bool on) { model_->set_recompute(on); }
  void set_bf16(bool on) { model_->set_precision(on ? torch::kBFloat16 : torch::kFloat32); }
  void set_spike_cost(double weight) { model_->set_spike_cost(weight); }
  std::tuple<double, double> spike_use() {
    const spikemix::SpikeUse use = model_->spike_use();
    return {use.operations, use.density};
  }
  void start_as_identities() { spikemix::start_as_identities(*model_); }
  int64_t learned_values() { return spikemix::learned_values(*model_); }

  // The model's own tensors: the model's gradient is in their .grad.
  c10::Dict<std::string, Tensor> state() {
    c10::Dict<std::string, Tensor> tensors;
    for (const auto& [name, tensor] : spikemix::model_state(*model_)) tensors.insert(name, tensor);
    return tensors;
  }
  std::vector<std::string> load(const c10::Dict<std::string, Tensor>& tensors, const std::string& where) {
    spikemix::NamedTensors named;
    for (const auto& item : tensors) named.emplace_back(item.key(), item.value());
    return spikemix::load_model_state(*model_, named, where);
  }

  // From now on spikes() holds what each layer fired in the last pass.
  void observe() {
    model_->set_observer(
        [this](const std::string& layer, const Tensor& spikes) { spikes_.insert_or_assign(layer, spikes.detach()); });
  }
  c10::Dict<std::string, Tensor> spikes() { return spikes_; }

 private:
  std::shared_ptr<spikemix::SpikingTransformer> model_;
  c10::Dict<std::string, Tensor> spikes_;
};

}  // namespace

TORCH_LIBRARY_FRAGMENT(spikemix_test, library) {
  library.class_<Model>("Model")
      .def(torch::init<std::string, int64_t>())
      .def("forward", &Model::forward)
      .def("train", &Model::train)
      .def("to_double", &Model::to_double)
      .def("to_device", &Model::to_device)
      .def("set_sparse_below", &Model::set_sparse_below)
      .def("set_training_steps", &Model::set_training_steps)
      .def("set_recompute", &Model::set_recompute)
      .def("set_bf16", &Model::set_bf16)
      .def("set_spike_cost", &Model::set_spike_cost)
      .def("spike_use", &Model::spike_use)
      .def("start_as_identities", &Model::start_as_identities)
      .def("learned_values", &Model::learned_values)
      .def("state", &Model::state)
      .def("load", &Model::load)
      .def("observe", &Model::observe)
      .def("spikes", &Model::spikes);
}
