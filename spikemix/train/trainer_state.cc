// SPDX-License-Identifier: MIT
#include "spikemix/train/trainer_state.h"

#include "spikemix/base/error.h"
#include "spikemix/base/json.h"
#include "spikemix/formats/safetensors.h"

namespace spikemix {
namespace {

constexpr const char* kStateKey = "place";  // in the metadata

// A run cannot be anywhere else: such a state is damaged and would ruin the weights.
void check(const TrainerState& state, const std::string& where) {
  constexpr double kMost = 1e15;
  const auto expect = [&](const char* what, auto value, double least, double most) {
    if (!(double(value) >= least && double(value) <= most))
      throw input_error("{}: its {} is {}, expected {} to {}: damaged? Put a copy of it back, or train again", where,
                        what, value, least, most);
  };
  expect("epoch", state.epoch, 0, kMost);
  expect("step", state.step, 0, kMost);
  expect("metrics_size", state.metrics_size, 0, kMost);
  expect("best_epoch", state.best_epoch, -1, kMost);
  expect("peak_memory", state.peak_memory, 0, kMost);
  expect("loss_sum", state.loss_sum, -kMost, kMost);
  for (const double sum : {state.operations_sum, state.density_sum, state.spike_cost_sum})
    expect("spikes", sum, 0, kMost);
  for (const double seconds : {state.epoch_seconds, state.total_seconds, state.test_seconds})
    expect("seconds", seconds, 0, kMost);
  for (const double top1 : {state.best_top1, state.last_top1}) expect("top-1", top1, -1, 100);
  expect("test_images_per_second", state.test_images_per_second, 0, kMost);
}

}  // namespace

std::map<std::string, std::string> to_metadata(const TrainerState& state) { return {{kStateKey, json_text(state)}}; }

TrainerState trainer_state_of(const std::map<std::string, std::string>& metadata, const std::string& where) {
  TrainerState state;
  try {
    nlohmann::json json = parse_json(metadata.at(kStateKey), where + ":");
    // Conversion would turn numbers that are not integers into integers, and check() could not tell.
    for (const char* key : {"epoch", "step", "metrics_size", "best_epoch", "peak_memory"}) {
      const nlohmann::json& value = json.at(key);
      if (!value.is_number_integer() || value.get<double>() >= 0x1p63) throw InputError(key);
    }
    if (json.is_object()) {  // these are missing in states of earlier versions
      for (const char* key : {"test_seconds", "operations_sum", "density_sum", "spike_cost_sum"})
        json.emplace(key, 0.0);
    }
    state = json.get<TrainerState>();
  } catch (const std::exception&) {
    throw input_error("{}: does not say where the run stands", where);
  }
  check(state, where);
  return state;
}

TrainerState read_trainer_state(const std::filesystem::path& checkpoint) {
  if (!std::filesystem::exists(checkpoint)) return {};
  return trainer_state_of(SafeTensors::open(checkpoint).metadata(), checkpoint.string());
}

}  // namespace spikemix
