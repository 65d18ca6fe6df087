// SPDX-License-Identifier: MIT
#include "spikemix/train/schedule.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

// The closed form of timm's CosineLRScheduler(t_initial=300, lr_min=1e-5, warmup_t=20, warmup_lr_init=1e-5), at whole
// epochs.
TEST(Schedule, PublishedCifarRecipe) {
  TrainConfig c;  // the defaults are the published ones
  EXPECT_DOUBLE_EQ(learning_rate(c, 0), 1e-5);
  EXPECT_DOUBLE_EQ(learning_rate(c, 10), 1e-5 + 10 * (5e-4 - 1e-5) / 20);
  EXPECT_NEAR(learning_rate(c, 20), 4.946461622e-4, 1e-12);  // not the peak: the cosine has run since epoch 0
  EXPECT_NEAR(learning_rate(c, 150), 2.55e-4, 1e-12);
  EXPECT_NEAR(learning_rate(c, 299), 1.0013433505e-5, 1e-14);
  EXPECT_DOUBLE_EQ(learning_rate(c, 300), 1e-5);
  EXPECT_DOUBLE_EQ(learning_rate(c, 309.5), 1e-5);
}

TEST(Schedule, ScalesWithTheBatchOnlyWhenAsked) {
  TrainConfig c;
  c.batch = 64, c.accumulate = 4;
  EXPECT_DOUBLE_EQ(peak_learning_rate(c), 5e-4);
  c.lr_batch = 512;
  EXPECT_DOUBLE_EQ(peak_learning_rate(c), 2.5e-4);
}

TEST(Schedule, OneTimeStepFirst) {
  Config c;
  EXPECT_EQ(time_steps(c, 0), c.model.T);
  c.train.one_step_epochs = 3;
  EXPECT_EQ(time_steps(c, 2), 1);
  EXPECT_EQ(time_steps(c, 3), c.model.T);
}

TEST(Schedule, NoWarmup) {
  TrainConfig c;
  c.warmup_epochs = 0;
  EXPECT_DOUBLE_EQ(learning_rate(c, 0), c.lr);
}

}  // namespace
}  // namespace spikemix
