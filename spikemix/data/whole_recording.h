#pragma once

#include <string>
#include <vector>

#include "spikemix/data/dataset.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// A recording in memory: 16 bytes an event.
struct WholeRecording {
  std::vector<Event> events;  ///< as the file has them
  SensorSize sensor;          ///< what the recording or the options say, else the smallest that holds all events
  bool says = false;          ///< they say so
  int64_t left_out = 0;       ///< events beyond the sensor: a camera's glitch

  /// As Dataset::recording() tells of it, where it is a data set of its own.
  RecordingInfo info() const;
};

/// How data sets and the command line read recordings: in any order of time, without a glitch's events.
/// @throws InputError naming the file and byte; or if more than one event in twenty lies beyond the sensor
WholeRecording read_recording(ByteSource source, ReadOptions options);

/// Puts events in order of time: some published recordings ran through a buffer or two in the wrong order.
/// @throws InputError naming `name` where time runs back by more than that: it is another clock's
void put_in_order(std::vector<Event>& events, const std::string& name);

}  // namespace spikemix
