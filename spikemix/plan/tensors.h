// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/plan/plan.h"

namespace spikemix {

/// One tensor of a model file.
struct TensorSpec {
  enum class Kind {
    kWeight,  ///< a map's
    kBias,    ///< a map's
    kNormWeight,
    kNormBias,
    kRunningMean,
    kRunningVar,
    kCounter,       ///< the number of batches that a norm's statistics have seen
    kNeuron,        ///< plif's w
    kCoefficients,  ///< a mixer's
    kGate,          ///< a mixer's, for each frequency and channel
    kPosition,
  };
  std::string name;
  std::vector<int64_t> shape;
  Kind kind;
  std::string layer;          // the part that the tensor belongs to, "block.0.mlp.fc1", or "head"
  double macs = 0;            // dense multiply-adds of one image and time step, for weights
  bool hidden = false;        // a weight after the first layer and before the head that is one matrix
  bool frozen = false;        // a weight that is drawn once and never learned
  bool integers = false;      // a weight that may be stored as integers with one unit for each output (unit_name())
  int64_t largest_input = 0;  // the largest value that such a weight is multiplied by

  int64_t values() const;
  /// False for batch norm's statistics, and for weights that are drawn once and kept.
  bool learned() const {
    return !frozen && kind != Kind::kRunningMean && kind != Kind::kRunningVar && kind != Kind::kCounter;
  }
};

/// The largest absolute value that a model file's weights may have. Sums of them, which may be summed again and again
/// where no neurons follow, must leave room.
inline constexpr float kLargestWeight = 1e12f;

/// Every tensor of a network, in the order of the forward pass. `spikemix info` counts them, loaders expect them,
/// training saves them and export rounds them.
std::vector<TensorSpec> tensors_of(const Plan& plan);

/// Count of learned values: 9,324,730 for the published 4-384 with attention and 10 classes.
int64_t learned_values(const std::vector<TensorSpec>& tensors);

/// The tensors of a batch norm, from its prefix.
struct NormNames {
  explicit NormNames(const std::string& norm)
      : weight(norm + ".weight"),
        bias(norm + ".bias"),
        mean(norm + ".running_mean"),
        variance(norm + ".running_var"),
        counter(norm + ".num_batches_tracked") {}
  std::string weight, bias, mean, variance, counter;
};
/// plif's learned w, from its neurons' prefix.
inline std::string neuron_tensor(const std::string& neuron) { return neuron + ".w"; }

/// The tensor beside integer weights that holds one unit for each output, and back; "" if `name` is not one.
inline std::string unit_name(const std::string& weight) { return weight + "_unit"; }
std::string weight_of_unit(const std::string& name);

}  // namespace spikemix
