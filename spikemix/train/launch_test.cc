// SPDX-License-Identifier: MIT
#include "spikemix/train/launch.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Launch launch_of(const Variables& variables) {
  return read_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string error_of(const Variables& variables) {
  try {
    launch_of(variables);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

Variables torchrun() {
  return {{"RANK", "3"},
          {"WORLD_SIZE", "8"},
          {"LOCAL_RANK", "1"},
          {"MASTER_PORT", "29500"},
          {"MASTER_ADDR", "node1"},
          {"LOCAL_WORLD_SIZE", "2"}};
}

Variables slurm() {
  return {{"SLURM_STEP_NUM_TASKS", "7"},
          {"SLURM_PROCID", "5"},
          {"SLURM_LOCALID", "1"},
          {"SLURM_NODEID", "2"},
          {"SLURM_STEP_NODELIST", "n[04-06]"},
          {"SLURM_STEP_TASKS_PER_NODE", "2(x2),3"},
          {"SLURM_JOB_ID", "4711"},
          {"SLURM_CPUS_PER_TASK", "1"}};
}

TEST(Launch, NoVariablesMeanOneProcess) {
  const Launch l = launch_of({});
  EXPECT_EQ(l.ranks, 1);
  EXPECT_TRUE(l.leads());
  // A batch script's environment, outside of srun.
  EXPECT_EQ(launch_of({{"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}, {"SLURM_JOB_ID", "1"}}).ranks, 1);
}

TEST(Launch, Torchrun) {
  Launch l = launch_of(torchrun());
  EXPECT_EQ(l.rank, 3);
  EXPECT_EQ(l.ranks, 8);
  EXPECT_EQ(l.local_rank, 1);
  EXPECT_EQ(l.local_ranks, 2);
  EXPECT_EQ(l.host, "node1");
  EXPECT_EQ(l.port, 29500);
  EXPECT_FALSE(l.served);
  EXPECT_GE(l.cores, 1);

  Variables again = torchrun();
  again["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  again["TORCHELASTIC_RESTART_COUNT"] = "1";
  EXPECT_TRUE(launch_of(again).served);
  EXPECT_NE(launch_of(again).attempt, l.attempt);
}

TEST(Launch, Slurm) {
  const Launch l = launch_of(slurm());
  EXPECT_EQ(l.rank, 5);
  EXPECT_EQ(l.ranks, 7);
  EXPECT_EQ(l.local_rank, 1);
  EXPECT_EQ(l.local_ranks, 3);
  EXPECT_EQ(l.host, "n04");
  EXPECT_EQ(l.port, 24711);
  EXPECT_EQ(l.cores, 1);
  Variables other = slurm();
  other["SLURM_STEP_ID"] = "1";
  EXPECT_NE(launch_of(other).port, l.port);
}

TEST(Launch, FirstHost) {
  EXPECT_EQ(first_host("login"), "login");
  EXPECT_EQ(first_host("a,b"), "a");
  EXPECT_EQ(first_host("node[07-09,12],login"), "node07");
  EXPECT_EQ(first_host("rack[3,5]-a,z"), "rack3-a");
}

TEST(Launch, ErrorsNameTheVariable) {
  EXPECT_THAT(error_of({{"WORLD_SIZE", "2"}}), HasSubstr("RANK is not"));
  EXPECT_THAT(error_of({{"RANK", "0"}}), HasSubstr("WORLD_SIZE is not"));
  for (const auto& [name, value] : torchrun()) {
    if (name.starts_with("LOCAL")) continue;
    Variables v = torchrun();
    v.erase(name);
    EXPECT_THAT(error_of(v), HasSubstr(name + " is not"));
  }
  for (const auto& [name, wrong] : Variables{{"RANK", "8"}, {"WORLD_SIZE", "x"}, {"MASTER_PORT", "70000"}}) {
    Variables v = torchrun();
    v[name] = wrong;
    EXPECT_THAT(error_of(v), HasSubstr(name + "=" + wrong));
  }
  for (const char* name : {"SLURM_PROCID", "SLURM_LOCALID", "SLURM_JOB_ID"}) {
    Variables v = slurm();
    v.erase(name);
    EXPECT_THAT(error_of(v), HasSubstr(name));
  }
}

TEST(Launch, SharesOfABatch) {
  Launch l;
  EXPECT_EQ(batch_of_rank(15, true, l), 15);
  l.ranks = 4;
  EXPECT_EQ(batch_of_rank(16, true, l), 4);
  EXPECT_EQ(batch_of_rank(12, false, l), 3);
  EXPECT_THROW(batch_of_rank(12, true, l), InputError);
  EXPECT_THROW(batch_of_rank(14, false, l), InputError);
}

}  // namespace
}  // namespace spikemix
