#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spikemix/events/event.h"
#include "spikemix/events/source.h"

namespace spikemix {

enum class TimeUnit { kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };

/// "s", "ms", "us", "ns"; nullopt for "". @throws InputError naming `setting`, which has the text, for anything else
std::optional<TimeUnit> parse_time_unit(std::string_view text, std::string_view setting);

/// "346x260"; unknown for "". @throws InputError naming `setting` for anything else
SensorSize parse_sensor(std::string_view text, std::string_view setting);

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
  SensorSize sensor = {};
  /// In the place of its usual one, where the format cannot say how large the sensor was (N-MNIST).
  SensorSize fallback = {};
  /// Of npz, which does not say in what its times are. Unknown: whole numbers are microseconds, fractions are refused.
  std::optional<TimeUnit> time_unit = {};
  /// Where events beyond the sensor are counted and left out. Null: they are refused.
  int64_t* left_out = nullptr;
  /// A data set is read, by a command without --truncated: errors do not name it.
  bool of_data_set = false;
};

/// What an error says of a file that ends too early: "; an incomplete copy? (--truncated reads up to the last whole
/// event)". @param last  "event" or "packet"
std::string incomplete(const ReadOptions& options, std::string_view last = "event");

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

/// A format of recordings: one file and one line in formats/registry.cc.
struct EventFormat {
  const char* name;
  const char* summary;
  /// Looks at the first bytes (at most kRecogniseBytes), never at the file's name.
  bool (*recognises)(std::span<const uint8_t> head);
  std::unique_ptr<EventReader> (*open)(ByteSource, const ReadOptions&);
  /// For `events convert`: what the name of a file in this format ends with, and its writer. Null: read only.
  const char* extension;
  std::unique_ptr<EventWriter> (*create)(const std::filesystem::path&, SensorSize);
  /// What `recognises` says of these bytes stands, whatever follows. Null: if it says yes.
  bool (*enough)(std::span<const uint8_t> head) = nullptr;
};

constexpr size_t kRecogniseBytes = 1 << 16;

std::span<const EventFormat> event_formats();

struct Recording {
  const EventFormat* format;
  std::unique_ptr<EventReader> reader;
};

/// Of a pipe no more bytes are waited for than are needed to tell the formats apart: a slow camera is answered at once.
/// @throws InputError if no format fits (saying what the file begins with), or as the format's reader
Recording open_recording(ByteSource source, const ReadOptions& options = {});
Recording open_recording(const std::filesystem::path& path, const ReadOptions& options = {});

/// @throws InputError for a name whose ending goes with no format that is written
void check_recording_name(const std::filesystem::path& path);

/// A writer of the format that goes with the name's ending. @throws InputError for another ending
std::unique_ptr<EventWriter> create_recording(const std::filesystem::path& path, SensorSize sensor);

}  // namespace spikemix
