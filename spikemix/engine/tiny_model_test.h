// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"
#include "spikemix/base/rng.h"
#include "spikemix/engine/network.h"
#include "spikemix/formats/safetensors.h"
#include "spikemix/kernels/spikes/bfloat16.h"
#include "spikemix/model/model.h"
#include "spikemix/plan/tensors.h"

// Shared by the tests of this folder: model files with weights that make every layer fire, in a temporary folder.
namespace spikemix {

namespace fs = std::filesystem;

inline ModelCard tiny_card(const std::string& mixer = "fft2d") {
  ModelCard card;
  card.name = "tiny";
  ModelConfig& m = card.model;
  m.height = m.width = 8, m.T = 2, m.embed_dim = 16, m.depth = 2, m.mlp_ratio = 2, m.heads = {2}, m.classes = 3;
  m.mixer = {mixer};
  card.neuron.v_threshold = 0.5;
  card.mean = {0.5, 0.4, 0.3}, card.std = {0.25, 0.5, 1};
  card.classes = {"cat", "dog", "newt"};
  return card;
}

class EngineTest : public ::testing::Test {
 protected:
  using Tensors = std::map<std::string, std::pair<DType, std::vector<std::byte>>>;

  template <class T>
  static std::vector<std::byte> bytes_of(const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span(values));
    return {bytes.begin(), bytes.end()};
  }

  /// Weights and batch norms that lift about a third of the sums over tiny_card()'s threshold, layer after layer.
  static std::vector<float> values(const TensorSpec& spec, Rng& rng) {
    std::vector<float> v(size_t(spec.values()));
    const double fan_in = spec.shape.size() > 1 ? double(spec.values() / spec.shape[0]) : 1;
    for (float& value : v) {
      if (spec.shape.size() > 1)
        value = float(rng.normal(0, 4 / std::sqrt(fan_in)));
      else if (spec.name.ends_with("running_var") || spec.name.ends_with("weight"))
        value = float(rng.uniform(0.5, 1.5));
      else if (spec.name.ends_with("bias"))
        value = float(rng.uniform(0, 1));
      else
        value = float(rng.uniform(-0.5, 0.5));
    }
    return v;
  }

  /// Writes a model; first `change` may alter its tensors (type and bytes; shapes are the config's).
  fs::path write_model(const std::string& name, const ModelCard& card, DType dtype = DType::F32,
                       const std::function<void(Tensors&)>& change = {}) const {
    Tensors tensors;
    std::map<std::string, std::vector<int64_t>> shapes;
    for (const TensorSpec& spec : tensors_of(make_plan(card.model, card.neuron))) {
      shapes[spec.name] = spec.shape;
      Rng rng(3, Rng::Purpose::kTest, Hash().add(spec.name).value());  // independent of the order
      const std::vector<float> v = values(spec, rng);
      if (spec.name.ends_with("num_batches_tracked"))
        tensors[spec.name] = {DType::I64, bytes_of(std::vector<int64_t>{7})};
      else if (dtype == DType::BF16)
        tensors[spec.name] = {dtype, bytes_of(std::vector<Bfloat16>(v.begin(), v.end()))};
      else
        tensors[spec.name] = {DType::F32, bytes_of(v)};
    }
    if (change) change(tensors);
    std::vector<NamedTensor> list;
    for (const auto& [tensor, content] : tensors) {
      const int64_t count = int64_t(content.second.size()) / size_of(content.first);
      const auto shape = shapes.find(tensor);
      list.push_back(
          {tensor, {content.first, shape == shapes.end() ? std::vector{count} : shape->second, content.second}});
    }
    write_safetensors(dir_ / name, list, {{"format", "pt"}, {"spikemix", card.to_text()}});
    return dir_ / name;
  }

  /// The tensors of tiny_card() with another config, which is refused before they are compared.
  fs::path write_config(const std::string& name, const std::function<void(nlohmann::json&)>& change) const {
    const SafeTensors good = SafeTensors::open(write_model("good.safetensors", tiny_card()));
    nlohmann::json json = nlohmann::json::parse(good.metadata().at("spikemix"));
    change(json);
    std::vector<NamedTensor> tensors;
    for (const std::string& tensor : good.names()) tensors.push_back({tensor, *good.find(tensor)});
    write_safetensors(dir_ / name, tensors, {{"spikemix", json.dump()}});
    return dir_ / name;
  }

  static std::vector<float> inputs(int64_t images, int64_t size) {
    Rng rng(4, Rng::Purpose::kTest);
    std::vector<float> x(size_t(images * size));
    for (float& value : x) value = float(rng.normal(0, 1));
    return x;
  }

  static void expect_input_error(const std::function<void()>& statement, const std::string& text) {
    EXPECT_THAT(statement, ::testing::ThrowsMessage<InputError>(::testing::HasSubstr(text)));
  }

  const TemporaryFolder temporary_;
  const fs::path dir_ = temporary_.path();
};

/// Counts the calls of operator new during its lifetime, on all threads (count_new_test.cc replaces it).
class NewWatch {
 public:
  NewWatch();
  static int64_t calls();
  /// The most bytes held at once, beyond those held when the watch began.
  static int64_t peak_bytes();
};

}  // namespace spikemix
