// SPDX-License-Identifier: MIT
#include "spikemix/train/launch.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

constexpr const char* kHowToStart = "start every process with torchrun or srun (docs/scaling.md)";

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  std::optional<std::string> text(const char* name) const {
    const char* value = environment_(name);
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
  }
  std::string needed(const char* name, const char* because) const {
    if (auto value = text(name)) return *value;
    throw input_error("{} is set in the environment, {} is not: {}", because, name, kHowToStart);
  }
  /// In [least, end).
  int64_t number(const char* name, const std::string& value, int64_t least, int64_t end) const {
    int64_t number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || stop != value.data() + value.size() || number < least || number >= end) {
      throw input_error("{}={} in the environment: expected a number from {} to {}; {}", name, value, least, end - 1,
                        kHowToStart);
    }
    return number;
  }
  int64_t number_or(const char* name, int64_t otherwise, int64_t least, int64_t end) const {
    const auto value = text(name);
    return value ? number(name, *value, least, end) : otherwise;
  }

 private:
  const Environment& environment_;
};

constexpr int64_t kMostRanks = 1'000'000;

// Number of cores that this process may run on.
int64_t usable_cores() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max<int64_t>(1, std::thread::hardware_concurrency());
}

Launch from_torchrun(const Variables& v) {
  Launch l;
  l.ranks = v.number("WORLD_SIZE", v.needed("WORLD_SIZE", "RANK"), 1, kMostRanks);
  l.rank = v.number("RANK", v.needed("RANK", "WORLD_SIZE"), 0, l.ranks);
  l.local_ranks = v.number_or("LOCAL_WORLD_SIZE", 1, 1, l.ranks + 1);
  l.local_rank = v.number_or("LOCAL_RANK", 0, 0, l.ranks);
  if (l.ranks == 1) return l;
  l.host = v.needed("MASTER_ADDR", "WORLD_SIZE");
  l.port = uint16_t(v.number("MASTER_PORT", v.needed("MASTER_PORT", "WORLD_SIZE"), 1, 65536));
  l.served = v.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  l.attempt = v.text("TORCHELASTIC_RUN_ID").value_or("run") + "/" + v.text("TORCHELASTIC_RESTART_COUNT").value_or("0");
  l.cores = std::max<int64_t>(1, usable_cores() / l.local_ranks);
  return l;
}

// "4(x2),3": tasks on each node. Returns how many are on node number `node`.
int64_t tasks_on_node(const std::string& list, int64_t node) {
  for (size_t begin = 0; begin < list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string part = list.substr(begin, end - begin);
    const size_t times = part.find("(x");
    node -= times == part.npos ? 1 : std::atoll(part.c_str() + times + 2);
    if (node < 0) return std::max<int64_t>(1, std::atoll(part.c_str()));
    begin = end + 1;
  }
  return 1;
}

Launch from_slurm(const Variables& v, const std::string& tasks) {
  Launch l;
  l.ranks = v.number("SLURM_STEP_NUM_TASKS", tasks, 1, kMostRanks);
  if (l.ranks == 1) return l;
  l.rank = v.number("SLURM_PROCID", v.needed("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"), 0, l.ranks);
  l.local_rank = v.number("SLURM_LOCALID", v.needed("SLURM_LOCALID", "SLURM_STEP_NUM_TASKS"), 0, l.ranks);
  l.local_ranks =
      tasks_on_node(v.text("SLURM_STEP_TASKS_PER_NODE").value_or("1"), v.number_or("SLURM_NODEID", 0, 0, kMostRanks));
  const auto step_nodes = v.text("SLURM_STEP_NODELIST");
  l.host = first_host(step_nodes ? *step_nodes : v.needed("SLURM_JOB_NODELIST", "SLURM_STEP_NUM_TASKS"));
  // Steps of one job, and jobs on one node, need different ports, all below those that the kernel assigns.
  const int64_t job = v.number("SLURM_JOB_ID", v.needed("SLURM_JOB_ID", "SLURM_STEP_NUM_TASKS"), 0, int64_t{1} << 40);
  const int64_t step = v.number_or("SLURM_STEP_ID", 0, 0, int64_t{1} << 40);
  l.port = uint16_t(20'000 + (job + 997 * step) % 12'000);
  l.attempt = std::to_string(job) + "/" + std::to_string(step);
  const int64_t cores = usable_cores();
  // srun binds each task to its cores, or leaves all of a node's cores to each.
  l.cores =
      std::min(cores, v.number_or("SLURM_CPUS_PER_TASK", std::max<int64_t>(1, cores / l.local_ranks), 1, 1 << 20));
  return l;
}

}  // namespace

std::string first_host(const std::string& list) {
  const size_t open = list.find_first_of("[,");
  if (open == list.npos || list[open] == ',') return list.substr(0, open);
  const size_t close = std::min(list.find(']', open), list.size());
  const std::string numbers = list.substr(open + 1, close - open - 1);
  std::string suffix = close < list.size() ? list.substr(close + 1) : "";
  suffix = suffix.substr(0, suffix.find(','));
  return list.substr(0, open) + numbers.substr(0, numbers.find_first_of("-,")) + suffix;
}

Launch read_launch(const Environment& environment) {
  const Variables v(environment);
  if (v.text("RANK") || v.text("WORLD_SIZE")) return from_torchrun(v);
  // Not SLURM_NTASKS: a batch script has that too, although it is a single process.
  if (const auto tasks = v.text("SLURM_STEP_NUM_TASKS")) return from_slurm(v, *tasks);
  return {};
}

Launch read_launch() {
  return read_launch([](const char* name) { return std::getenv(name); });
}

int64_t batch_of_rank(int64_t batch, bool pairs, const Launch& launch) {
  if (batch % launch.ranks) {
    throw input_error("train.batch = {}: the batch of all ranks together; expected a multiple of their number, {}",
                      batch, launch.ranks);
  }
  const int64_t share = batch / launch.ranks;
  if (pairs && launch.ranks > 1 && share % 2) {
    throw input_error(
        "train.batch = {}: {} images for each of {} ranks; expected an even number, because augment.mixup and "
        "augment.cutmix mix pairs",
        batch, share, launch.ranks);
  }
  return share;
}

}  // namespace spikemix
