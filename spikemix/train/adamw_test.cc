// SPDX-License-Identifier: MIT
#include "spikemix/train/adamw.h"

#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

namespace spikemix {
namespace {

// Against torch::optim::AdamW over ten steps, with decay on the matrix only.
TEST(AdamW, MatchesTorch) {
  torch::manual_seed(1);
  const torch::Tensor start_matrix = torch::randn({5, 7}), start_bias = torch::randn({7});
  const auto leaf = [](const torch::Tensor& start) { return start.clone().requires_grad_(); };
  torch::Tensor matrix = leaf(start_matrix), bias = leaf(start_bias);
  torch::Tensor want_matrix = leaf(start_matrix), want_bias = leaf(start_bias);

  TrainConfig config;
  config.weight_decay = 0.1;
  AdamW ours({{"matrix", matrix}, {"bias", bias}}, config);
  torch::optim::AdamW decayed({want_matrix}, torch::optim::AdamWOptions(1e-2).weight_decay(0.1));
  torch::optim::AdamW plain({want_bias}, torch::optim::AdamWOptions(1e-2).weight_decay(0));
  for (int step = 0; step < 10; ++step) {
    const torch::Tensor x = torch::randn({3, 5});
    matrix.mutable_grad().reset(), bias.mutable_grad().reset();
    (x.matmul(matrix) + bias).pow(2).sum().backward();
    ours.step(1e-2);
    decayed.zero_grad(), plain.zero_grad();
    (x.matmul(want_matrix) + want_bias).pow(2).sum().backward();
    decayed.step(), plain.step();
  }
  EXPECT_TRUE(torch::allclose(matrix, want_matrix, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(bias, want_bias, 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(matrix, start_matrix, 1e-3, 1e-3));
}

}  // namespace
}  // namespace spikemix
