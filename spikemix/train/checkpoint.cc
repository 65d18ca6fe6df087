// SPDX-License-Identifier: MIT
#include "spikemix/train/checkpoint.h"

#include <map>
#include <string>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/base/metrics_log.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/tensor_file.h"

namespace spikemix {
namespace {

// The state in a checkpoint, checked to be one that this run can reach.
TrainerState state_within(const TensorFile& checkpoint, const RunLength& length, const std::string& where) {
  const TrainerState state = trainer_state_of(checkpoint.metadata, where);
  if (state.epoch > length.epochs || state.step > length.steps || state.best_epoch > length.epochs)
    throw input_error("{}: stands at epoch {}, step {}, best epoch {}; this run has {} epochs of {} steps", where,
                      state.epoch, state.step, state.best_epoch, length.epochs, length.steps);
  return state;
}

}  // namespace

void copy_tensors(const NamedTensors& from, const NamedTensors& to, const std::string& where) {
  const std::map<std::string, torch::Tensor> saved(from.begin(), from.end());
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : to) {
    const auto found = saved.find(name);
    if (found == saved.end() || found->second.sizes() != tensor.sizes() ||
        found->second.scalar_type() != tensor.scalar_type()) {
      throw input_error("{}: tensor '{}' is missing, or has another shape or type than the run's config says", where,
                        name);
    }
    torch::Tensor(tensor).copy_(found->second);
  }
}

bool has_checkpoint(const RunFolder& folder) {
  if (std::filesystem::exists(folder.state())) return true;
  for (const std::filesystem::path& kept :
       {folder.summary(), folder.best_model(), folder.last_model(), folder.metrics()}) {
    if (!std::filesystem::exists(kept)) continue;
    // The log is there, empty, before the first step.
    if (kept == folder.metrics() && std::filesystem::file_size(kept) == 0) continue;
    throw input_error(
        "{}: is gone; the run cannot go on, because it has learned already ({} is there). Put a copy of it back, or "
        "train again in another folder",
        folder.state().string(), kept.string());
  }
  return false;
}

Checkpointer::Checkpointer(const RunFolder& folder, bool writes) : folder_(folder) {
  if (writes) metrics_.emplace(folder_.metrics());
}

void Checkpointer::restore(TrainerState& state, const NamedTensors& tensors, const RunLength& length,
                           const std::function<void(const std::string&)>& note) {
  if (!metrics_) return;
  const TensorFile file = read_tensors(folder_.state());
  const std::string where = folder_.state().string();
  const TrainerState saved = state_within(file, length, where);  // before anything changes
  copy_tensors(file.tensors, tensors, where);
  state = saved;
  if (state.best_epoch >= 0 && !std::filesystem::exists(folder_.best_model())) {
    if (note) note(fmt::format("{}: is gone; the next test writes a new one", folder_.best_model().string()));
    state.best_top1 = -1, state.best_epoch = -1;
  }
  metrics_->truncate(state.metrics_size);
  tell_damaged_metrics(state.metrics_size, note);
}

// A run does not depend on its log, so a damaged log does not end the run.
void Checkpointer::tell_damaged_metrics(int64_t bytes, const std::function<void(const std::string&)>& note) {
  if (!note) return;
  const std::string where = folder_.metrics().string();
  try {
    read_metrics(folder_.metrics());
    if (const int64_t left = metrics_->sync(); left < bytes)
      note(fmt::format("{}: {} bytes, the checkpoint expects {}: lines of earlier epochs are missing", where, left,
                       bytes));
  } catch (const InputError& error) {
    note(fmt::format("{} The run goes on; `verify` and `report` refuse the log", error.what()));
  }
}

void Checkpointer::save(TrainerState& state, const NamedTensors& tensors) {
  if (!metrics_) return;
  state.metrics_size = metrics_->sync();
  write_tensors(folder_.state(), tensors, to_metadata(state), /*with_hash=*/true);
}

void Checkpointer::log(const nlohmann::json& line) {
  if (metrics_) metrics_->append(line);
}

void Checkpointer::write_model(const std::filesystem::path& file, const NamedTensors& tensors, const ModelCard& card) {
  if (metrics_) write_tensors(file, tensors, {{"format", "pt"}, {"spikemix", card.to_text()}});
}

void Checkpointer::read_model(const std::filesystem::path& file, const NamedTensors& tensors) {
  if (metrics_) copy_tensors(read_tensors(file).tensors, tensors, file.string());
}

void Checkpointer::write_answers(const std::filesystem::path& file, const Answers& answers) {
  if (metrics_) spikemix::write_answers(file, answers);
}

void Checkpointer::write_summary(const nlohmann::json& summary) {
  if (metrics_) write_file_atomically(folder_.summary(), json_text(summary, 2) + "\n");
}

}  // namespace spikemix
