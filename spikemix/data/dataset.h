#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/config/data_config.h"
#include "spikemix/data/open_listener.h"
#include "spikemix/events/event.h"

namespace spikemix {

/// A picture as decoded: [height, width, channels] bytes, row-major, R G B or grey.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// What is known of a recording before it is read.
struct RecordingInfo {
  SensorSize sensor;  ///< the data set's: the largest of its recordings', so that their frames are of one scale
  SensorSize own;     ///< this recording's: what it says, else the smallest that holds its events
  bool says = false;  ///< it says so
  int64_t events = 0;
  int64_t first_t = 0, last_t = 0;  ///< microseconds
};

struct DataReport;

/// One split of a data set: labelled images, or recordings of event cameras, read at random. Thread-safe after
/// construction.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t label(int64_t i) const = 0;
  /// Decodes image i. @throws InputError naming the file, or saying that it is a recording
  virtual Image image(int64_t i) const;
  /// Where sample i comes from: "train/cat/0001.jpg", "data_batch_1.bin record 17".
  virtual std::string source(int64_t i) const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  /// Samples that were left out because they are damaged (data.skip_bad, damaged.h): file and fault of each.
  virtual const std::vector<std::string>& damaged() const;
  /// How its files became it; empty for formats that are always whole.
  virtual const DataReport& report() const;

  /// Recordings, not images: then image() throws, and these two do not.
  virtual bool holds_events() const { return false; }
  virtual RecordingInfo recording(int64_t i) const;
  /// The events of sample i in order of time, each within its sensor. @throws InputError or RunError naming the file
  virtual std::vector<Event> events(int64_t i) const;
};

enum class Split { kTrain, kTest };

/// The data set is there, but not this split of it: `data info` shows the other one.
class MissingSplit : public InputError {
 public:
  using InputError::InputError;
};

struct RecordingList;
class FileTree;

/// A format that data can come in. One file and one line in registry.cc.
struct DataFormat {
  const char* name;
  const char* summary;
  /// Looks at names only; cheap.
  bool (*recognises)(const std::filesystem::path&);
  /// Opens images; null for recordings. @throws MissingSplit, or InputError naming the file and byte
  std::unique_ptr<Dataset> (*open)(const std::filesystem::path&, Split);
  /// Says which recordings there are (recordings.h); null for images. @throws InputError naming the file and line
  RecordingList (*list)(const FileTree&) = nullptr;
  /// image() decodes a compressed picture, so that a cache pays (fitted.h).
  bool decodes = false;
};

std::span<const DataFormat> data_formats();

/// @throws InputError with the nearest name if there is no format of that name, and it is not "auto"
void check_format(const std::string& format);

/// The format named `format` ("auto": the first that recognises `path`).
/// @throws InputError if the path is missing, if no format fits (saying what was looked for), or if the format is
/// unknown
const DataFormat& find_format(const std::filesystem::path& path, const std::string& format = "auto");

/// Opens one split of data.dir in data.format, recordings by way of their cache. Pictures for a model: fitted.h.
/// @throws as find_format, and as the format's reader
std::unique_ptr<Dataset> open_dataset(const DataConfig& data, Split split, const OpenListener& listener = {});
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& path, Split split,
                                      const std::string& format = "auto");

}  // namespace spikemix
