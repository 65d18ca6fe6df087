// SPDX-License-Identifier: MIT
#include "spikemix/train/run_changes.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/train/schedule.h"
#include "spikemix/train/trainer_state.h"

namespace spikemix {
namespace {

constexpr std::array<std::string_view, 3> kKeys = {"train.epochs", "train.checkpoint_seconds", "train.loader_threads"};

void apply_change(Config& config, const std::string& key_value) {
  apply_override(config, key_value);  // first, because an unknown key has an error of its own
  if (std::ranges::count(kKeys, key_value.substr(0, key_value.find('='))) == 0) {
    throw input_error("{}: a run keeps this setting once it has begun; resume changes {}{}", key_value,
                      fmt::join(kKeys, ", "),
                      key_value.starts_with("train.threads=") ? ", and threads by --threads" : "");
  }
}

}  // namespace

Config with_changes(Config config, const std::vector<std::string>& changes, const RunFolder& folder) {
  const int64_t epochs_before = config.train.epochs;
  for (const std::string& change : changes) apply_change(config, change);
  if (!changes.empty()) validate(config);
  const TrainConfig& t = config.train;
  const TrainerState state = read_trainer_state(folder.state());
  const bool nothing_left = state.epoch >= t.all_epochs();
  if (t.epochs != epochs_before && (nothing_left || t.epochs < state.epoch + (state.step > 0))) {
    throw input_error("train.epochs={}: {} has already begun epoch {} of {}; give more", t.epochs,
                      folder.path().string(), state.epoch + (state.step > 0), epochs_before + t.cooldown_epochs);
  }
  if (nothing_left && std::filesystem::exists(folder.summary())) {
    const bool has_best = std::filesystem::exists(folder.best_model());
    throw input_error(
        "{0}: this run is done after {1} epochs{2}; to train longer: `spikemix resume {0} train.epochs=N`",
        folder.path().string(), state.epoch,
        has_best ? "" : fmt::format(", but {} is gone: put a copy back", folder.best_model().string()));
  }
  return config;
}

}  // namespace spikemix
