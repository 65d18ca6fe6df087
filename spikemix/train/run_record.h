// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/config/config.h"
#include "spikemix/train/run_data.h"
#include "spikemix/train/run_folder.h"
#include "spikemix/train/trainer_state.h"

namespace spikemix {

/// How many ranks a run uses, and on which devices.
struct RunRanks {
  int64_t ranks = 1;
  bool own_threads = false;           // train.threads was 0: chosen from the number of ranks
  std::vector<int64_t> bucket_bytes;  // of the gradients sent; empty with one process
  std::string device = "cpu";         // as open_device() names it
};

/// A run's history.
struct RunHistory {
  nlohmann::json earlier = nlohmann::json::array();  // see earlier_conditions()
  nlohmann::json init = nullptr;                     // what train.init gave (Taken); null without it
};

/// The conditions of a run: {"effective": what follows from its settings (scaled learning rate, steps, ranks, threads,
/// precision), "environment": environment(), "data_facts": what identifies its data}.
nlohmann::json conditions_of(const Config& config, const RunData& data, const RunRanks& ranks);

/// Writes a run's config.json, the record of its conditions: {"config": every key, those of conditions_of(), "damaged":
/// files that data.skip_bad left out, "init": the model that train.init named, its checksum and what was taken of it,
/// "earlier": see earlier_conditions()}.
/// @throws RunError if it cannot be written
void write_run_record(const RunFolder& folder, const Config& config, const RunData& data, const RunRanks& ranks,
                      const RunHistory& history);

/// The record in a run folder; it contains a "config". @throws InputError
nlohmann::json read_run_record(const RunFolder& folder);

// Parts of a record; `where` names it in errors.

/// The config, validated. @throws InputError
Config recorded_config(const nlohmann::json& record, const std::string& where);
/// The "effective" values, or none; those that resume() reads have the right type. @throws InputError
nlohmann::json recorded_effective(const nlohmann::json& record, const std::string& where);
/// Refuses to continue a run with other data, or with other labels: it would learn nonsense. @throws InputError
void check_same_data(const nlohmann::json& record, const RunData& data, const std::string& where);
/// The conditions that held until `state`, after everything that `record` already says about earlier times.
nlohmann::json earlier_conditions(nlohmann::json record, const TrainerState& state);

}  // namespace spikemix
