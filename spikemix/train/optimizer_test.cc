// SPDX-License-Identifier: MIT
#include "spikemix/train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(Optimizer, ClipsToTheNormAndReportsItFirst) {
  torch::Tensor a = torch::zeros({2}, torch::requires_grad()), b = torch::zeros({1}, torch::requires_grad());
  Optimizer optimizer({{"a", a}, {"b", b}}, {}, TrainConfig());
  a.mutable_grad() = torch::tensor({3.0f, 0.0f});
  b.mutable_grad() = torch::tensor({4.0f});
  EXPECT_DOUBLE_EQ(optimizer.clip(0), 5);
  EXPECT_DOUBLE_EQ(optimizer.clip(10), 5);
  EXPECT_FLOAT_EQ(b.grad()[0].item<float>(), 4);
  EXPECT_DOUBLE_EQ(optimizer.clip(1), 5);
  EXPECT_FLOAT_EQ(b.grad()[0].item<float>(), 0.8f);
}

// All four learn, and the state says with which optimiser.
TEST(Optimizer, MuonTakesTheHiddenWeights) {
  torch::manual_seed(1);
  NamedTensors parameters;
  for (const char* name : {"patch_embed.proj_conv.weight", "patch_embed.proj_conv1.weight", "head.weight"}) {
    parameters.emplace_back(name, torch::randn({4, 3}).requires_grad_());
  }
  parameters.emplace_back("block.0.mlp.fc1_bn.weight", torch::ones({4}, torch::requires_grad()));
  std::vector<TensorSpec> tensors;
  for (const auto& [name, parameter] : parameters) {
    tensors.push_back(
        {.name = name, .shape = parameter.sizes().vec(), .kind = TensorSpec::Kind::kWeight, .layer = name});
    tensors.back().hidden = name == "patch_embed.proj_conv1.weight";
  }
  const auto learned = [&](const std::string& optimizer) {
    TrainConfig config;
    config.optimizer = optimizer;
    Optimizer learner(parameters, tensors, config);
    for (auto& [name, parameter] : parameters) {
      const torch::Tensor before = parameter.detach().clone();
      learner.zero_grad();
      parameter.mutable_grad() = torch::randn_like(before);
      learner.step(0.1);
      EXPECT_FALSE(torch::equal(parameter, before)) << name;
    }
    std::vector<std::string> with_momentum;
    for (const auto& [name, tensor] : learner.state()) {
      if (name.ends_with(".momentum")) with_momentum.push_back(name);
    }
    return with_momentum;
  };
  EXPECT_THAT(learned("adamw"), testing::IsEmpty());
  EXPECT_THAT(learned("muon"), testing::ElementsAre("patch_embed.proj_conv1.weight.momentum"));
}

}  // namespace
}  // namespace spikemix
