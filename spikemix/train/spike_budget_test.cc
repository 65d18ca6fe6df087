// SPDX-License-Identifier: MIT
#include "spikemix/train/spike_budget.h"

#include <cmath>

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(SpikeBudget, StaysWithoutATarget) {
  TrainConfig config;
  EXPECT_FALSE(SpikeBudget(config).on());
  config.spike_cost = 0.5;
  SpikeBudget budget(config);
  EXPECT_TRUE(budget.on());
  budget.adjust(7);
  EXPECT_EQ(budget.weight(), 0.5);
  EXPECT_TRUE(budget.state().empty());
}

TEST(SpikeBudget, MovesTowardsTheTargetAndIsRestored) {
  TrainConfig config;
  config.spike_cost = 2, config.spike_target = 0.1;
  SpikeBudget budget(config);
  budget.adjust(0.1);
  EXPECT_EQ(budget.weight(), 2);
  budget.adjust(0.1 * std::exp(0.5));
  EXPECT_DOUBLE_EQ(budget.weight(), 2 * std::exp(0.005 + 0.5));
  budget.adjust(0.1);
  EXPECT_DOUBLE_EQ(budget.weight(), 2 * std::exp(0.005));
  budget.adjust(3);  // far above the target: the exponent is clamped to 1
  EXPECT_DOUBLE_EQ(budget.weight(), 2 * std::exp(0.015 + 1));
  SpikeBudget other(config);
  other.state()[0].second.copy_(budget.state()[0].second);
  EXPECT_EQ(other.weight(), budget.weight());
  other.adjust(0), budget.adjust(0);
  EXPECT_DOUBLE_EQ(budget.weight(), 2 * std::exp(0.005 - 1));
  EXPECT_EQ(other.weight(), budget.weight());
  for (int i = 0; i < 2000; ++i) budget.adjust(1), other.adjust(0);
  EXPECT_DOUBLE_EQ(budget.weight(), 2000 * std::exp(1));
  EXPECT_DOUBLE_EQ(other.weight(), 0.002 * std::exp(-1));
}

}  // namespace
}  // namespace spikemix
