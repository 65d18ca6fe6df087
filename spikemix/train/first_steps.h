// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/data/loader.h"

namespace spikemix {

/// How many of a run's first steps are recorded one by one, for verify() to repeat.
inline constexpr int64_t kFirstSteps = 20;

/// One of those steps.
struct FirstStep {
  int64_t epoch = 0, step = 0;  // from 0; from 1, within the epoch
  double loss = 0;              // of all ranks; JSON keeps every bit
  std::string inputs = {};      // hash_of_inputs()
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(FirstStep, epoch, step, loss, inputs)
};

/// Hash of some pixels (or frames of events) and targets of rank 0's batch: it identifies a step's input, whatever the
/// step computed.
std::string hash_of_inputs(const Batch& batch);

/// The first steps that metrics.jsonl records one by one, up to `most`; none in runs of earlier versions.
/// @throws InputError naming the file and what is wrong in it
std::vector<FirstStep> read_first_steps(const std::filesystem::path& metrics, int64_t most = kFirstSteps);

}  // namespace spikemix
