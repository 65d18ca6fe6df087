// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "spikemix/formats/model_card.h"
#include "spikemix/scaling/scaling.h"

namespace spikemix {

/// Whole networks at growing heights and widths, with random weights. The bias of all norms is one number, chosen for
/// the smallest network without mixing so that its neurons fire as often as requested; how often the others fire is
/// measured and reported.
class ModelBench {
 public:
  explicit ModelBench(const ScalingTask& task);

  /// @throws InputError if no height and width give this many tokens in the last stage, or if the mixer refuses them
  ScalingPoint measure(const std::string& mixer, int64_t tokens) const;

 private:
  ModelCard card_of(const std::string& mixer, int64_t tokens) const;
  double bias_for(double density) const;

  const ScalingTask& task_;
  double bias_;
};

}  // namespace spikemix
