#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "spikemix/base/statistics.h"
#include "spikemix/config/model_config.h"
#include "spikemix/engine/precision.h"

namespace spikemix {

/// Of the buffers of one image, and of the scores of one head: a size that needs more is refused.
inline constexpr int64_t kMostBytes = int64_t{8} << 30;

/// What is to be measured over the number of tokens, on the engine and with random weights.
struct ScalingTask {
  ModelConfig model;  ///< of the whole-model rows; its embedding dim, heads and T are those of the mixers, too
  NeuronConfig neuron;
  std::vector<std::string> mixers;  ///< as model.mixer names them
  std::vector<int64_t> tokens;      ///< squares, ascending
  double density = 0.15;            ///< of the spikes that mixers read, and that models are set to fire with
  Precision precision = Precision::kFp32;
  int64_t threads = 1;   ///< of the whole models; a mixer is timed on one
  double seconds = 0.3;  ///< spent on each time, at least
};

/// One size of one row.
struct ScalingPoint {
  int64_t tokens = 0;
  double seconds = 0;      ///< of one image: median
  double bytes = 0;        ///< see ScalingRow
  double density = 0;      ///< of the spikes read, or made by all of a model's neurons: measured
  bool disturbed = false;  ///< others had the core in between: the time is too long
  std::string refused;     ///< why there is no such size; empty if there is
};

/// One thing measured at every size.
struct ScalingRow {
  enum class Of {
    kMixer,      ///< all layers of a block's branch that mixes tokens, with the sum behind it
    kAttention,  ///< its products and neurons alone
    kModel,      ///< a whole network
  };
  Of of = Of::kMixer;
  std::string mixer, what;  ///< "ssa", "(q k') v, dense fp32"
  /// Bytes of a mixer: the most that one of its layers reads, writes and works in. Of a model: all its buffers, for one
  /// image. Weights are not among them.
  std::vector<ScalingPoint> points;

  std::string name() const { return what.empty() ? mixer : mixer + ": " + what; }
  PowerLaw time() const { return fit(&ScalingPoint::seconds); }
  PowerLaw memory() const { return fit(&ScalingPoint::bytes); }

 private:
  PowerLaw fit(double ScalingPoint::*value) const;
};

/// @param told  what is measured now, for whoever waits
/// @throws InputError naming what no size can bear; a size that one mixer refuses is a point that says why
std::vector<ScalingRow> measure_scaling(const ScalingTask& task, const std::function<void(const std::string&)>& told);

}  // namespace spikemix
