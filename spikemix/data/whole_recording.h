// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "spikemix/data/dataset.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// A recording in memory: 16 bytes an event.
struct WholeRecording {
  std::vector<Event> events;  ///< in the file's order
  SensorSize sensor;          ///< as the recording or the options state, otherwise the smallest that holds all events
  bool says = false;          ///< is `sensor` stated?
  int64_t left_out = 0;       ///< events beyond the sensor: a camera's glitch

  /// Its description, as Dataset::recording() gives it for a data set of one recording.
  RecordingInfo info() const;
};

/// "x.aedat: 3 of its events beyond the sensor left out"
std::string told_left_out(const std::string& name, int64_t events);

/// The way data sets and the command line read recordings: in any order of time, without a glitch's events.
/// @throws InputError naming the file and byte, or if more than one event in twenty is beyond the sensor
WholeRecording read_recording(ByteSource source, ReadOptions options);

/// Sorts events by time: in some published recordings, a buffer or two are in the wrong order.
/// @throws InputError naming `name` if time runs back by more than that: those events have another clock
void put_in_order(std::vector<Event>& events, const std::string& name);

}  // namespace spikemix
