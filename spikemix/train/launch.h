// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace spikemix {

/// This process's place among those that train one run together, from the variables of torchrun or Slurm.
struct Launch {
  int64_t rank = 0, ranks = 1;
  int64_t local_rank = 0, local_ranks = 1;  // on this machine
  std::string host;                         // where the ranks meet: a host that all of them can reach
  uint16_t port = 0;
  bool served = false;  // the launcher listens there already; otherwise rank 0 does
  std::string attempt;  // torchrun may restart the ranks: distinguishes this start from earlier ones
  int64_t cores = 0;    // for this rank

  bool leads() const { return rank == 0; }
};

/// A variable's value, or null.
using Environment = std::function<const char*(const char* name)>;

/// Reads torchrun's RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT, or Slurm's variables
/// in a step that srun started with several tasks. Without any of them: one process.
/// @throws InputError naming the variable that is missing or wrong
Launch read_launch(const Environment& environment);
/// From this process's environment.
Launch read_launch();

/// The first host of Slurm's list: "node[07-09,12],login" gives "node07".
std::string first_host(const std::string& list);

/// Images in this rank's share of a batch. @throws InputError if train.batch is not a multiple of the ranks, or the
/// share is odd with mixup or CutMix, whose pairs stay within one rank
int64_t batch_of_rank(int64_t batch, bool pairs, const Launch& launch);

}  // namespace spikemix
