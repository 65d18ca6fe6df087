// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "spikemix/base/statistics.h"
#include "spikemix/config/model_config.h"
#include "spikemix/engine/precision.h"

namespace spikemix {

/// Limit for the buffers of one image, and for the scores of one head: sizes that need more are refused.
inline constexpr int64_t kMostBytes = int64_t{8} << 30;

/// What to measure over the number of tokens, on the engine and with random weights.
struct ScalingTask {
  ModelConfig model;  ///< for the rows of whole models; the mixers have its embedding dim, heads and T, too
  NeuronConfig neuron;
  std::vector<std::string> mixers;  ///< as model.mixer names them
  std::vector<int64_t> tokens;      ///< squares, ascending
  double density = 0.15;            ///< of the spikes that mixers read, and the target for models
  Precision precision = Precision::kFp32;
  int64_t threads = 1;   ///< for whole models; a mixer is timed on one
  double seconds = 0.3;  ///< least time spent on each figure
};

/// One size of one row.
struct ScalingPoint {
  int64_t tokens = 0;
  double seconds = 0;      ///< for one image: median
  double bytes = 0;        ///< see ScalingRow
  double density = 0;      ///< of the spikes read, or of all of a model's neurons: measured
  bool disturbed = false;  ///< other programs used the core meanwhile: the time is too long
  std::string refused;     ///< why there is no figure for this size; empty if there is
};

/// One thing measured at every size.
struct ScalingRow {
  enum class Of {
    kMixer,      ///< all layers of a block's branch that mixes tokens, including the sum at its end
    kAttention,  ///< its products and neurons alone
    kModel,      ///< a whole network
  };
  Of of = Of::kMixer;
  std::string mixer, what;  ///< "ssa", "(q k') v, dense fp32"
  /// For a mixer, the most bytes that one of its layers reads, writes and works in. For a model, all its buffers for
  /// one image. Weights are not included.
  std::vector<ScalingPoint> points;

  std::string name() const { return what.empty() ? mixer : mixer + ": " + what; }
  PowerLaw time() const { return fit(&ScalingPoint::seconds); }
  PowerLaw memory() const { return fit(&ScalingPoint::bytes); }

 private:
  PowerLaw fit(double ScalingPoint::*value) const;
};

/// @param told  receives what is being measured, as progress
/// @throws InputError naming what fits no size; a size that one mixer refuses becomes a point with the reason
std::vector<ScalingRow> measure_scaling(const ScalingTask& task, const std::function<void(const std::string&)>& told);

}  // namespace spikemix
