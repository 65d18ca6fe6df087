// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/data/dataset.h"
#include "spikemix/train/first_steps.h"
#include "spikemix/train/launch.h"

namespace spikemix {

/// A condition that affects bits and has changed: {"threads", 4, 2}.
struct OtherCondition {
  std::string name;
  nlohmann::json recorded, here;
};

/// The result of repeating a run's first steps.
struct Verification {
  std::vector<FirstStep> recorded;
  std::vector<FirstStep> here;                  // up to the first whose loss differs
  bool same = true;                             // all losses, to the bit
  std::optional<int64_t> other_inputs = {};     // the first of `here` whose input differs from the record
  std::vector<OtherCondition> conditions = {};  // those that differ, the likeliest cause first
  bool on_gpu = false;                          // then the record does not say which GPU or driver it was
  int64_t left_out = 0;                         // recorded steps that the run did under later conditions (`resume`)
};

struct VerifyOptions {
  int64_t steps = kFirstSteps;              // at most
  std::string data = {};                    // where data.dir is now; empty: it has not moved
  std::optional<int64_t> threads = {};      // 0: one for each core; empty: as the run began
  std::span<const std::byte> builtin = {};  // the model that train.init = builtin means
  OpenListener on_open = {};
  std::function<void(int64_t done, int64_t steps)> on_step = {};
};

/// Repeats the first steps of `run` as it began: with its settings, threads, precision and first weights. Writes
/// nothing. With several ranks, all call it.
/// @throws InputError if `run` is not a run folder, recorded none of its first steps (earlier versions), began with a
/// model (train.init) that is gone, or if the data are gone or hold fewer steps
Verification verify(const std::filesystem::path& run, const VerifyOptions& options, const Launch& launch = {});

}  // namespace spikemix
