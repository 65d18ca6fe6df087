#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "spikemix/events/event.h"
#include "spikemix/events/source.h"

namespace spikemix {

/// Events of one recording, from front to back, in memory that does not grow with it.
class EventReader {
 public:
  virtual ~EventReader() = default;

  /// The next events, in the file's order; empty at the end. Valid until the next call.
  /// @throws InputError naming the file, the byte, what stands there and what was expected
  virtual std::span<const Event> read() = 0;

  /// As the file, its format or the options say. Where it is known, every event lies within it.
  SensorSize sensor() const { return sensor_; }

 protected:
  SensorSize sensor_;
};

struct ReadOptions {
  /// A recording that ends inside an event (or a compressed packet) is read up to its last whole one, not refused.
  bool truncated = false;
  /// Events whose time is earlier than their predecessor's are read as they are, not refused.
  bool unordered = false;
  /// In the place of what the file or its format says.
  SensorSize sensor;
};

/// Takes events, in order of time, and makes a file of them. The file appears, whole, when close() is called.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  /// @throws RunError on a full disk; InputError for an event that the format cannot hold
  virtual void write(std::span<const Event> events) = 0;
  virtual void close() = 0;
};

/// What AEDAT 3.1 and 4 and npz's int16 hold. @throws InputError naming the file and `format` for a larger sensor
void check_writable(const std::filesystem::path& path, SensorSize sensor, const char* format);

/// A format of recordings: one file and one line in registry.cc.
struct EventFormat {
  const char* name;
  const char* summary;
  /// Looks at the first bytes (at most kRecogniseBytes), never at the file's name.
  bool (*recognises)(std::span<const uint8_t> head);
  std::unique_ptr<EventReader> (*open)(ByteSource, const ReadOptions&);
  /// For `events convert`: what the name of a file in this format ends with, and its writer. Null: read only.
  const char* extension;
  std::unique_ptr<EventWriter> (*create)(const std::filesystem::path&, SensorSize);
};

constexpr size_t kRecogniseBytes = 1 << 16;

std::span<const EventFormat> event_formats();

struct Recording {
  const EventFormat* format;
  std::unique_ptr<EventReader> reader;
};

/// @throws InputError if no format fits (saying what the file begins with), or as the format's reader
Recording open_recording(ByteSource source, const ReadOptions& options = {});
Recording open_recording(const std::filesystem::path& path, const ReadOptions& options = {});

/// A writer of the format that goes with the name's ending. @throws InputError for another ending
std::unique_ptr<EventWriter> create_recording(const std::filesystem::path& path, SensorSize sensor);

}  // namespace spikemix
