#pragma once

#include <cstdint>
#include <vector>

#include "spikemix/core/model_card.h"
#include "spikemix/core/rng.h"
#include "spikemix/data/dataset.h"
#include "spikemix/events/frames.h"

namespace spikemix {

/// How to cut a recording for a model: T frames of its height and width, by data.frames and data.frame_values.
FrameOptions frame_options(const ModelConfig& model, const FrameSettings& settings);

/// The frames of a recording as a model of events takes them: counts, [T, 2, height, width].
void write_frames(const Frames& frames, float* input);

/// The same after augmentation as `augment` has it; a function of the events and rng's state. @param events  in order
/// of time; changed
Frames augmented_frames(std::vector<Event>& events, SensorSize sensor, const FrameOptions& options,
                        const AugmentConfig& augment, Rng& rng);

/// The mean length of a frame over the recordings of `data`, into settings.step_us and step_events.
void measure_steps(const Dataset& data, int64_t T, FrameSettings& settings);

}  // namespace spikemix
