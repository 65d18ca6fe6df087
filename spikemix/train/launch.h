#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace spikemix {

/// This process's place among those that train one run together, as torchrun's or Slurm's variables tell it.
struct Launch {
  int64_t rank = 0, ranks = 1;
  int64_t local_rank = 0, local_ranks = 1;  // on this machine
  std::string host;                         // where the ranks meet: a machine that all of them reach
  uint16_t port = 0;
  bool served = false;  // the launcher listens there already; else rank 0 does
  std::string attempt;  // torchrun may start the ranks again: what sets this start apart from the ones before
  int64_t cores = 0;    // of this rank

  bool leads() const { return rank == 0; }
};

/// A variable's value, or null.
using Environment = std::function<const char*(const char* name)>;

/// torchrun's RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT; or, in a step that srun
/// started with several tasks, Slurm's. None of them: one process.
/// @throws InputError naming the variable that is missing or wrong
Launch read_launch(const Environment& environment);
/// That of this process.
Launch read_launch();

/// The first host of Slurm's list: "node[07-09,12],login" gives "node07".
std::string first_host(const std::string& list);

/// Images of this rank's share of a batch. @throws InputError if train.batch does not divide by the ranks, or the
/// pairs of mixup and CutMix do not (each stays in one rank)
int64_t batch_of_rank(int64_t batch, bool pairs, const Launch& launch);

}  // namespace spikemix
