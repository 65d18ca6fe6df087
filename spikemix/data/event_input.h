// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/base/rng.h"
#include "spikemix/config/augment_config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/events/frames.h"
#include "spikemix/events/reader.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// How to cut a recording for a model: T frames of its height and width, according to data.frames and
/// data.frame_values.
FrameOptions frame_options(const ModelConfig& model, const FrameSettings& settings);

/// The sensor that the training's frames were made for (unknown if a file of an older version does not say), and the
/// one that a recording's frames are made for: the model's, so that a pixel is where it was in training, or one that
/// holds both if the recording's own is larger. A model that does not know its own takes the data set's.
SensorSize model_sensor(const FrameSettings& settings);
SensorSize frame_sensor(const FrameSettings& settings, const RecordingInfo& recording);

/// A recording that is no part of a data set, as a model of events sees it.
struct SeenRecording {
  std::vector<Event> events;  ///< in order of time, all within the sensor
  RecordingInfo info;  ///< if neither the recording nor the model's card says a sensor: the model's input, if they fit
  int64_t left_out = 0;  ///< events beyond the sensor
};

/// @param options  unordered: time may run back by any amount
/// @throws InputError as read_recording() and put_in_order()
SeenRecording see_recording(ByteSource source, const ModelCard& card, ReadOptions options);

/// The frames of a recording as input of an event model: counts, [T, 2, height, width].
void write_frames(const Frames& frames, float* input);

/// The same after the augmentation that `augment` describes; a function of the events and rng's state.
/// @param events  in order of time; modified
/// @param flip    probability that the frames are mirrored
Frames augmented_frames(std::vector<Event>& events, SensorSize sensor, const FrameOptions& options,
                        const AugmentConfig& augment, double flip, Rng& rng);

/// The settings that training takes from `data`: its sensor, and the mean length of a frame.
void measure(const Dataset& data, int64_t T, FrameSettings& settings);

}  // namespace spikemix
