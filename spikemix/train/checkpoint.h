// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "spikemix/base/json_lines.h"
#include "spikemix/data/answers.h"
#include "spikemix/formats/model_card.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/train/run_folder.h"
#include "spikemix/train/trainer_state.h"

namespace spikemix {

/// The length of a run.
struct RunLength {
  int64_t epochs = 0, steps = 0;  // steps in one epoch
};

/// Copies tensors into those of the same names; `where` names the file in errors.
/// @throws InputError if one is missing, or of another shape or type
void copy_tensors(const NamedTensors& from, const NamedTensors& to, const std::string& where);

/// Is there a checkpoint? A run without one has not made its first step: it starts as a new one does.
/// @throws InputError if the run has learned already, so that its checkpoint is lost; nothing is changed
bool has_checkpoint(const RunFolder& folder);

/// The files that a run writes into its folder as it goes: the checkpoint from which it resumes, its metrics, its
/// models. With several ranks only rank 0 writes: on the others these calls do nothing.
class Checkpointer {
 public:
  /// @throws InputError or RunError if the metrics cannot be written
  Checkpointer(const RunFolder& folder, bool writes);

  /// Sets `state` and the tensors to the last checkpoint, which there must be (has_checkpoint()). Metrics that were
  /// logged after it are dropped. If the best model's file is gone, the next test writes a new one.
  /// @param note  receives a line if the best model is gone, and one about damaged metrics; may be empty
  /// @throws InputError, with nothing changed, if the checkpoint is lost or damaged, is at a place that this run cannot
  /// reach, or has other tensors than these
  void restore(TrainerState& state, const NamedTensors& tensors, const RunLength& length,
               const std::function<void(const std::string&)>& note);
  /// Replaces the last checkpoint atomically; sets state.metrics_size.
  void save(TrainerState& state, const NamedTensors& tensors);

  /// Writes a line of metrics.jsonl.
  void log(const nlohmann::json& line);
  void write_model(const std::filesystem::path& file, const NamedTensors& tensors, const ModelCard& card);
  /// Reads a model that write_model() wrote into the tensors. @throws InputError if it is missing or does not match
  void read_model(const std::filesystem::path& file, const NamedTensors& tensors);
  /// Writes the answers of the weights in best/ or last/.
  void write_answers(const std::filesystem::path& file, const Answers& answers);
  void write_summary(const nlohmann::json& summary);

 private:
  void tell_damaged_metrics(int64_t bytes, const std::function<void(const std::string&)>& note);

  const RunFolder& folder_;
  std::optional<JsonLines> metrics_;  // empty if this rank does not write
};

}  // namespace spikemix
