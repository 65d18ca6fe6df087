// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/count/operations.h"
#include "spikemix/data/dataset.h"
#include "spikemix/engine/session.h"

namespace spikemix::reports {

/// How a model answered each of some test images.
struct Answers {
  std::vector<std::string> classes;
  std::vector<int64_t> truth, answer;
  std::vector<double> probability;  ///< the answer's, 0..1

  int64_t right() const;
  /// [truth][answer], row-major.
  std::vector<int64_t> counts() const;
};

/// @param done  receives the number of images done
Answers answer(const std::shared_ptr<const Network>& network, const std::shared_ptr<const Dataset>& data,
               int64_t threads, const std::function<void(int64_t done)>& done);

struct LayerRates {
  std::string layer;
  int64_t neurons = 0;
  std::vector<double> rates;  ///< for each step: the share of neurons that fire
};

/// What the layers do, averaged over some images.
struct Activity {
  int64_t images = 0;
  std::vector<LayerRates> rates;
  std::vector<LayerOperations> operations;
  std::vector<LayerProfile> profile;  ///< sums over the images, on one thread
};
Activity measure(const std::shared_ptr<const Network>& network, const std::shared_ptr<const Dataset>& data);

/// The spikes of one layer for one input.
struct LayerSpikes {
  std::string layer;
  int64_t T = 0, height = 0, width = 0, channels = 0;
  std::vector<int16_t> spikes;  ///< [T, height x width, channels]: 0 or 1, counts, or -1 to 1

  int64_t rows() const { return height * width; }
};

/// Tokens before a mixer and after it, as real numbers.
struct MixerValues {
  std::string block, mixer;
  bool with_stream = false;  ///< `after` includes the residual stream, for a stream of potentials
  int64_t height = 0, width = 0, channels = 0;
  std::vector<float> before, after;  ///< [steps, height x width, channels]
};

/// Potentials of some neurons of one layer, after each step, and whether they fired in it.
struct MembraneTraces {
  std::string layer;
  double threshold = 1;
  std::vector<int64_t> neurons;                 ///< row x channels + channel
  std::vector<std::vector<double>> potentials;  ///< [neuron][step]
  std::vector<std::vector<bool>> fired;
};

/// What the layers do for one input.
struct Trace {
  std::vector<LayerSpikes> layers;
  std::vector<MixerValues> mixers;
  std::vector<MembraneTraces> membranes;
  std::string no_membranes;  ///< why there are none
  std::vector<double> probabilities;
};
/// @param input  as for Session::infer()
Trace trace(const std::shared_ptr<const Network>& network, const float* input);

}  // namespace spikemix::reports
