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

/// Something that bits depend on and that is not as it was: {"threads", 4, 2}.
struct OtherCondition {
  std::string name;
  nlohmann::json recorded, here;
};

/// What came of repeating a run's first steps.
struct Verification {
  std::vector<FirstStep> recorded;
  std::vector<FirstStep> here;                  // up to the first whose loss differs
  bool same = true;                             // all losses, to the bit
  std::optional<int64_t> other_inputs = {};     // the first of `here` that was given other pictures than on record
  std::vector<OtherCondition> conditions = {};  // those that differ, the likeliest cause first
  bool on_gpu = false;                          // then the record does not tell which it was, nor its driver
  int64_t left_out = 0;                         // recorded steps that the run did under later conditions (`resume`)
};

struct VerifyOptions {
  int64_t steps = kFirstSteps;              // at most
  std::string data = {};                    // where data.dir has moved; empty: it has not
  std::optional<int64_t> threads = {};      // 0: one for each core; none: as the run began
  std::span<const std::byte> builtin = {};  // the model that train.init = builtin means
  OpenListener on_open = {};
  std::function<void(int64_t done, int64_t steps)> on_step = {};
};

/// Repeats the first steps of `run` as it began: its settings, threads, precision and first weights. Writes nothing. Of
/// several ranks all call it.
/// @throws InputError if `run` is no run folder, has none of its first steps on record (earlier versions), if it began
/// with a model (train.init) that is gone, or if the data are gone, or hold fewer steps
Verification verify(const std::filesystem::path& run, const VerifyOptions& options, const Launch& launch = {});

}  // namespace spikemix
