// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "calls.h"
#include "spikemix/events/reader.h"

namespace spikemix::python {

using EventArray = nb::ndarray<nb::numpy, uint8_t>;
using Sensor = std::optional<std::pair<int, int>>;  // width, height

constexpr int64_t kEver = std::numeric_limits<int64_t>::max();

inline SensorSize to_sensor(const Sensor& sensor) {
  return sensor ? SensorSize{sensor->first, sensor->second} : SensorSize{};
}
inline Sensor from_sensor(SensorSize sensor) {
  return sensor.known() ? Sensor({sensor.width, sensor.height}) : std::nullopt;
}

/// Events that grow, and become a numpy array without a copy. Large arrays use huge pages if the system has them;
/// otherwise the first touch of their pages would take half of a recording's reading time.
class EventBuffer {
 public:
  EventBuffer() = default;
  EventBuffer(const EventBuffer&) = delete;
  EventBuffer& operator=(const EventBuffer&) = delete;
  ~EventBuffer() { release(data_, mapped_); }

  size_t size() const { return size_; }
  void append(std::span<const Event> events);
  /// The memory behind the last event.
  std::span<Event> room() { return {data_ + size_, capacity_ - size_}; }
  /// The first n of room() are events now.
  void add(size_t n) { size_ += n; }
  /// Makes room for this many; memory that is not filled costs nothing.
  void reserve(size_t events);
  /// Returns [16 n] bytes. Needs the GIL.
  EventArray take();

 private:
  static void release(void* data, size_t mapped);

  Event* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  size_t mapped_ = 0;  // bytes; 0: the memory is malloc's
};

/// A recording that is being read: a reader with the events that it has returned and nobody has taken yet. Calls from
/// several threads are serialised.
class EventStream {
 public:
  EventStream(ByteSource source, const ReadOptions& options, std::shared_ptr<void> keeps_alive = {});

  const char* format() const { return recording_.format->name; }
  SensorSize sensor() const { return recording_.reader->sensor(); }
  EventReader& reader() { return *recording_.reader; }
  std::mutex& mutex() { return mutex_; }
  /// The most events that the recording can have, at two bytes each; 0: unknown.
  size_t likely_events() const { return likely_; }

  /// The remaining events with begin <= t < end, or the first `most` of them. Ends at the first event at `end` or
  /// later, if times do not run back.
  void read(EventBuffer& buffer, size_t most, int64_t begin, int64_t end);
  /// The events of the next `us` microseconds; false at the recording's end. Silence gives empty windows, as many as
  /// TimeStepCutter gives.
  bool read_window(EventBuffer& buffer, int64_t us);
  /// The next batch, or the rest of it; decoded into `room` if that is EventReader::kRoom or more.
  std::span<const Event> next(std::span<Event> room = {});

 private:
  bool unordered_, live_;
  size_t likely_;
  std::shared_ptr<void> keeps_alive_;
  Recording recording_;
  std::span<const Event> pending_;
  std::optional<int64_t> window_;  // begin of the next one
  int64_t silent_ = 0;             // windows in a row
  std::mutex mutex_;
};

}  // namespace spikemix::python
