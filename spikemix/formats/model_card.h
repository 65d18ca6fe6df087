// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/config/model_config.h"

namespace spikemix {

/// How recordings are cut for a model of event frames: data.frames and data.frame_values, and the mean length of a
/// frame over the training recordings, for recordings without an end (0: unknown).
struct FrameSettings {
  std::string by = "count", values = "sum";
  double step_us = 0, step_events = 0;
  /// Pixels of the sensor that the training's frames were made for; 0: unknown, as in files of older versions.
  int sensor_width = 0, sensor_height = 0;
};

/// A channel's mean and deviation if nobody sets them: 0..1 becomes -1..1.
inline constexpr double kUsualMean = 0.5, kUsualStd = 0.5;

/// A model file's description of itself: enough to build the network, feed it pixels and name its answers. JSON text
/// under "spikemix" in the metadata of model.safetensors.
struct ModelCard {
  std::string name;
  ModelConfig model;
  NeuronConfig neuron;
  std::vector<double> mean, std;     // for each channel, in 0..1, subtracted and divided by before the stem; or empty
  std::vector<std::string> classes;  // names, by label
  FrameSettings frames;              // of a model that takes events
  std::string training;              // origin of the weights (epoch, accuracy, recipe), as JSON; or empty

  std::string to_text() const;
  /// @throws InputError naming `where` if the text is not a config, or one that validate() refuses
  static ModelCard from_text(const std::string& text, const std::string& where);
};

}  // namespace spikemix
