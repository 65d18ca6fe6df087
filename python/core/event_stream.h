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

/// Events that grow, and become a numpy array without a copy. Large ones lie in huge pages, where the system has them:
/// half of the time that a recording takes would else go into its pages' first touch.
class EventBuffer {
 public:
  EventBuffer() = default;
  EventBuffer(const EventBuffer&) = delete;
  EventBuffer& operator=(const EventBuffer&) = delete;
  ~EventBuffer() { release(data_, mapped_); }

  size_t size() const { return size_; }
  void append(std::span<const Event> events);
  /// Room for so many; memory that is not filled costs nothing.
  void reserve(size_t events);
  /// [16 n] bytes. With the GIL.
  EventArray take();

 private:
  static void release(void* data, size_t mapped);

  Event* data_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
  size_t mapped_ = 0;  // bytes; 0: it is malloc's
};

/// A recording that is being read: a reader with what it has handed out and nobody has taken yet. Calls from several
/// threads come one after another.
class EventStream {
 public:
  EventStream(ByteSource source, const ReadOptions& options, std::shared_ptr<void> keeps_alive = {});

  const char* format() const { return recording_.format->name; }
  SensorSize sensor() const { return recording_.reader->sensor(); }
  EventReader& reader() { return *recording_.reader; }
  std::mutex& mutex() { return mutex_; }
  /// As many events as there may be, if a recording has one in two bytes; 0: nobody knows.
  size_t likely_events() const { return likely_; }

  /// All that are left with begin <= t < end, or the first `most` of them. Ends at the first event at `end` or later,
  /// if times do not run back.
  void read(EventBuffer& buffer, size_t most, int64_t begin, int64_t end);
  /// The events of the next `us` microseconds; at the recording's end false. Silence gives empty windows, as many
  /// as TimeStepCutter has.
  bool read_window(EventBuffer& buffer, int64_t us);
  /// The next batch, or what is left of it.
  std::span<const Event> next();

 private:
  bool unordered_, live_;
  size_t likely_;
  std::shared_ptr<void> keeps_alive_;
  Recording recording_;
  std::span<const Event> pending_;
  std::optional<int64_t> window_;  // where the next one begins
  int64_t silent_ = 0;             // windows in a row
  std::mutex mutex_;
};

}  // namespace spikemix::python
