// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "spikemix/formats/model_card.h"
#include "spikemix/nn/modules/model_state.h"
#include "spikemix/plan/plan.h"

namespace spikemix {

/// A trained model, from which a new one takes what fits (train.init).
struct InitialModel {
  std::string from;      // as the user named it
  std::string checksum;  // of its file (base/hash.h)
  NamedTensors tensors;  // integer weights of an export are already multiplied by their units
  std::vector<std::string> classes;
};

/// @param init     a model file, a run folder (its best model), or "builtin"
/// @param builtin  the bytes of the built-in model
/// @throws InputError naming the file
InitialModel read_initial_model(const std::string& init, std::span<const std::byte> builtin);

/// What was taken.
struct Taken {
  int64_t tensors = 0, of = 0;              // tensors taken, out of this model's
  std::vector<std::string> anew, not_used;  // names of tensors left as drawn (with both shapes), and of those not used

  /// One line for people.
  std::string line(const std::string& from) const;
  nlohmann::json to_json(const InitialModel& model) const;
};

/// Copies every tensor that has the name and shape of one in `model` (a learner's state, whose names begin with
/// "model." and "average."). A bias is taken only with its weight, and the head only if the classes are the same:
/// another data set's classes have the same numbers, and training would have to unlearn them.
/// @throws InputError if nothing but counters fits
Taken take_what_fits(const InitialModel& from, const NamedTensors& state, const std::vector<std::string>& classes,
                     const Plan& plan);

}  // namespace spikemix
