// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spikemix/events/event.h"
#include "spikemix/events/source.h"

namespace spikemix {

enum class TimeUnit { kSeconds, kMilliseconds, kMicroseconds, kNanoseconds };

/// "s", "ms", "us", "ns"; nullopt for "". @throws InputError for anything else, naming `setting`, whose value it is
std::optional<TimeUnit> parse_time_unit(std::string_view text, std::string_view setting);

/// "346x260"; unknown for "". @throws InputError naming `setting` for anything else
SensorSize parse_sensor(std::string_view text, std::string_view setting);

/// Events of one recording, from front to back, in memory that does not grow with it.
class EventReader {
 public:
  /// Events of a batch (together with their records, half of a core's second cache), and the room for one: a batch may
  /// end with a word that makes several events, and decoders may write more events than they keep.
  static constexpr size_t kBatch = 8192, kRoom = kBatch + 64;

  virtual ~EventReader() = default;

  /// The next events, in the file's order; empty at the end. Valid until the next call.
  /// @throws InputError naming the file, the byte, what was found there and what was expected
  std::span<const Event> read() {
    batch_.resize(kRoom);
    return read_into(batch_);
  }
  /// The same, decoded into `room` where the format allows it, so that a caller that keeps all events need not copy
  /// them. Those of a format that has whole packets of them lie elsewhere, and may be more.
  /// @param room  kRoom events or more; the rest of it is unspecified afterwards
  virtual std::span<const Event> read_into(std::span<Event> room) = 0;

  /// As given by the file, its format or the options. If it is known, every event is within it.
  SensorSize sensor() const { return sensor_; }

 protected:
  SensorSize sensor_;

 private:
  std::vector<Event> batch_;  // read()'s room
};

struct ReadOptions {
  /// Read a recording that ends inside an event (or a compressed packet) up to its last whole one, instead of refusing
  /// it.
  bool truncated = false;
  /// Accept events whose time is earlier than their predecessor's, instead of refusing them.
  bool unordered = false;
  /// Replaces what the file or its format says.
  SensorSize sensor = {};
  /// Replaces the format's usual size, if files cannot give the sensor's size (N-MNIST).
  SensorSize fallback = {};
  /// For npz, which does not record the unit of its times. Unknown: whole numbers are microseconds, fractions are
  /// refused.
  std::optional<TimeUnit> time_unit = {};
  /// Counts events beyond the sensor, which are left out. Null: they are refused.
  int64_t* left_out = nullptr;
  /// A data set is being read, by a command without --truncated: errors do not mention that flag.
  bool of_data_set = false;
};

/// What an error adds about a file that ends too early: "; an incomplete copy? (--truncated reads up to the last whole
/// event)". @param last  "event" or "packet"
std::string incomplete(const ReadOptions& options, std::string_view last = "event");

/// Takes events in order of time and writes them to a file, which appears, complete, when close() is called.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  /// @throws RunError on a full disk; InputError for an event that the format cannot hold
  virtual void write(std::span<const Event> events) = 0;
  virtual void close() = 0;
};

/// The largest sensor of AEDAT 3.1, AEDAT 4 and npz's int16. @throws InputError naming the file and `format` for a
/// larger one
void check_writable(const std::filesystem::path& path, SensorSize sensor, const char* format);

/// A format of recordings: one file and one line in formats/registry.cc.
struct EventFormat {
  const char* name;
  const char* summary;
  /// Looks at the first bytes (at most kRecogniseBytes), never at the file's name.
  bool (*recognises)(std::span<const uint8_t> head);
  std::unique_ptr<EventReader> (*open)(ByteSource, const ReadOptions&);
  /// For `events convert`: the ending of a file's name in this format, and its writer. Null: read only.
  const char* extension;
  std::unique_ptr<EventWriter> (*create)(const std::filesystem::path&, SensorSize);
  /// True if the answer of `recognises` for these bytes is final, whatever follows. Null: a yes is final.
  bool (*enough)(std::span<const uint8_t> head) = nullptr;
};

constexpr size_t kRecogniseBytes = 1 << 16;

std::span<const EventFormat> event_formats();

struct Recording {
  const EventFormat* format;
  std::unique_ptr<EventReader> reader;
};

/// From a pipe, it reads no more bytes than it needs to recognise the format, so that a slow camera is answered at
/// once.
/// @throws InputError if no format fits (naming the first bytes), or as the format's reader does
Recording open_recording(ByteSource source, const ReadOptions& options = {});
Recording open_recording(const std::filesystem::path& path, const ReadOptions& options = {});

/// @throws InputError for a name whose ending belongs to no format that can be written
void check_recording_name(const std::filesystem::path& path);

/// A writer of the format that the name's ending stands for. @throws InputError for any other ending
std::unique_ptr<EventWriter> create_recording(const std::filesystem::path& path, SensorSize sensor);

}  // namespace spikemix
