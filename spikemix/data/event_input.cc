// SPDX-License-Identifier: MIT
#include "spikemix/data/event_input.h"

#include <algorithm>
#include <utility>

#include "spikemix/data/whole_recording.h"
#include "spikemix/events/augment.h"

namespace spikemix {

FrameOptions frame_options(const ModelConfig& model, const FrameSettings& settings) {
  return {.T = model.T,
          .split = settings.by == "time" ? FrameOptions::Split::kTime : FrameOptions::Split::kNumber,
          .binary = settings.values == "binary",
          .height = model.height,
          .width = model.width};
}

SensorSize model_sensor(const FrameSettings& settings) { return {settings.sensor_width, settings.sensor_height}; }

SensorSize frame_sensor(const FrameSettings& settings, const RecordingInfo& recording) {
  const SensorSize model = model_sensor(settings), own = recording.own;
  if (!model.known()) return recording.sensor;
  return {std::max(model.width, own.width), std::max(model.height, own.height)};
}

SeenRecording see_recording(ByteSource source, const ModelCard& card, ReadOptions options) {
  const std::string name = source.name();
  options.fallback = model_sensor(card.frames);
  WholeRecording whole = read_recording(std::move(source), options);
  if (options.unordered) {
    std::ranges::stable_sort(whole.events, {}, &Event::t);
  } else {
    put_in_order(whole.events, name);
  }
  SeenRecording seen{.events = {}, .info = whole.info(), .left_out = whole.left_out};
  const SensorSize input{int(card.model.width), int(card.model.height)};
  if (!whole.says && whole.sensor.width <= input.width && whole.sensor.height <= input.height) seen.info.sensor = input;
  seen.events = std::move(whole.events);
  return seen;
}

void write_frames(const Frames& frames, float* input) {
  std::ranges::transform(frames.counts, input, [](uint32_t count) { return float(count); });
}

Frames augmented_frames(std::vector<Event>& events, SensorSize sensor, const FrameOptions& options,
                        const AugmentConfig& augment_config, double flip, Rng& rng) {
  augment(events, sensor,
          {.drop = augment_config.event_drop,
           .polarity_flip = augment_config.polarity_flip,
           .mirror = 0,
           .jitter_us = augment_config.time_jitter},
          rng);
  Frames frames = integrate(events, sensor, options);
  augment(frames,
          {.flip = flip,
           .roll = augment_config.roll,
           .rotate = augment_config.rotate,
           .shear = augment_config.shear,
           .cutout = augment_config.cutout,
           .scale = augment_config.scale},
          rng);
  return frames;
}

void measure(const Dataset& data, int64_t T, FrameSettings& settings) {
  double us = 0, events = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const RecordingInfo recording = data.recording(i);
    us += double(recording.last_t - recording.first_t), events += double(recording.events);
  }
  if (data.size() > 0) {
    const SensorSize sensor = data.recording(0).sensor;
    settings.sensor_width = sensor.width, settings.sensor_height = sensor.height;
  }
  const auto frames = double(std::max<int64_t>(1, data.size()) * T);
  settings.step_us = us / frames, settings.step_events = events / frames;
}

}  // namespace spikemix
