// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace spikemix {

/// Where a run stands; together with the tensors, this is all that a checkpoint holds. Random numbers need no state:
/// they are functions of the epoch and the step.
struct TrainerState {
  int64_t epoch = 0, step = 0;                  // the next step
  double loss_sum = 0;                          // over this epoch's steps so far
  double operations_sum = 0, density_sum = 0;   // SpikeUse's, likewise
  double spike_cost_sum = 0;                    // likewise
  double epoch_seconds = 0, total_seconds = 0;  // of training
  double test_seconds = 0;                      // of all tests
  int64_t metrics_size = 0;                     // bytes of metrics.jsonl that belong to the steps done
  double best_top1 = -1;
  int64_t best_epoch = -1;
  double last_top1 = -1, test_images_per_second = 0;
  int64_t peak_memory = 0;  // bytes on the device: the largest among the run's processes, first ranks only
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(TrainerState, epoch, step, loss_sum, operations_sum, density_sum, spike_cost_sum,
                                 epoch_seconds, total_seconds, test_seconds, metrics_size, best_top1, best_epoch,
                                 last_top1, test_images_per_second, peak_memory)
};

/// A checkpoint file's metadata, which hold the state.
std::map<std::string, std::string> to_metadata(const TrainerState& state);
/// Reads them back and checks their ranges. @throws InputError; `where` names the file
TrainerState trainer_state_of(const std::map<std::string, std::string>& metadata, const std::string& where);

/// The state in a run's checkpoint, without reading its tensors; the start, if there is no such file. @throws
/// InputError
TrainerState read_trainer_state(const std::filesystem::path& checkpoint);

}  // namespace spikemix
