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

/// How far a run goes.
struct RunLength {
  int64_t epochs = 0, steps = 0;  // steps of one epoch
};

/// Copies tensors into those of the same names; `where` names the file in errors.
/// @throws InputError if one is missing, or of another shape or type
void copy_tensors(const NamedTensors& from, const NamedTensors& to, const std::string& where);

/// What a run leaves in its folder as it goes: the checkpoint from which it resumes, its metrics, its models. Of
/// several ranks rank 0 alone writes: on the others no call does anything.
class Checkpointer {
 public:
  /// @throws InputError or RunError if the metrics cannot be written
  Checkpointer(const RunFolder& folder, bool writes);

  /// `state` and the tensors back to where the last checkpoint stands; without one they stay, at the start. The metrics
  /// too: what was logged after it is dropped. A best model that is gone is none: the next test makes another.
  /// @param note  told in a line if it is gone, and what is wrong with the metrics; may be empty
  /// @throws InputError, with nothing changed, if the checkpoint is damaged or stands where this run does not come; if
  /// it has other tensors than these
  void restore(TrainerState& state, const NamedTensors& tensors, const RunLength& length,
               const std::function<void(const std::string&)>& note);
  /// Replaces the last one atomically; sets state.metrics_size.
  void save(TrainerState& state, const NamedTensors& tensors);

  /// A line of metrics.jsonl.
  void log(const nlohmann::json& line);
  void write_model(const std::filesystem::path& file, const NamedTensors& tensors, const ModelCard& card);
  /// A model that write_model() wrote, into the tensors. @throws InputError if it is not there, or another's
  void read_model(const std::filesystem::path& file, const NamedTensors& tensors);
  /// What the weights in best/ or last/ answer.
  void write_answers(const std::filesystem::path& file, const Answers& answers);
  void write_summary(const nlohmann::json& summary);

 private:
  void tell_damaged_metrics(int64_t bytes, const std::function<void(const std::string&)>& note);

  const RunFolder& folder_;
  std::optional<JsonLines> metrics_;  // none: does not write
};

}  // namespace spikemix
