// SPDX-License-Identifier: MIT
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

/// A decoded picture: [height, width, channels] bytes, row-major, R G B or grey.
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

/// What is known about a recording before it is read.
struct RecordingInfo {
  SensorSize sensor;  ///< the data set's: the largest of its recordings', so that their frames have one scale
  SensorSize own;     ///< this recording's: as stated, otherwise the smallest that holds its events
  bool says = false;  ///< is `own` stated?
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
  /// Decodes image i. @throws InputError naming the file, or saying that the sample is a recording
  virtual Image image(int64_t i) const;
  /// Where sample i comes from: "train/cat/0001.jpg", "data_batch_1.bin record 17".
  virtual std::string source(int64_t i) const = 0;
  virtual const std::vector<std::string>& classes() const = 0;
  /// Samples that were left out because they are damaged (data.skip_bad, damaged.h): the file and fault of each.
  virtual const std::vector<std::string>& damaged() const;
  /// How its files became a data set; empty for formats that are always complete.
  virtual const DataReport& report() const;

  /// Does it hold recordings instead of images? Then image() throws, and the next two do not.
  virtual bool holds_events() const { return false; }
  virtual RecordingInfo recording(int64_t i) const;
  /// The events of sample i in order of time, all within its sensor. @throws InputError or RunError naming the file
  virtual std::vector<Event> events(int64_t i) const;
};

enum class Split { kTrain, kTest };

/// The data set exists, but not this split of it: `data info` shows the other one.
class MissingSplit : public InputError {
 public:
  using InputError::InputError;
};

struct RecordingList;
class FileTree;

/// A format of data sets. One file and one line in registry.cc.
struct DataFormat {
  const char* name;
  const char* summary;
  /// Looks only at names; cheap.
  bool (*recognises)(const std::filesystem::path&);
  /// Opens images; null for recordings. @throws MissingSplit, or InputError naming the file and byte
  std::unique_ptr<Dataset> (*open)(const std::filesystem::path&, Split);
  /// Lists the recordings (recordings.h); null for images. @throws InputError naming the file and line
  RecordingList (*list)(const FileTree&) = nullptr;
  /// Does image() decode a compressed picture, so that a cache helps (fitted.h)?
  bool decodes = false;
};

std::span<const DataFormat> data_formats();

/// @throws InputError with the nearest name if no format has that name, and it is not "auto"
void check_format(const std::string& format);

/// The format named `format` ("auto": the first that recognises `path`).
/// @throws InputError if the path is missing, if no format fits (saying what was looked for), or if the format is
/// unknown
const DataFormat& find_format(const std::filesystem::path& path, const std::string& format = "auto");

/// Opens one split of data.dir in data.format, recordings through their cache. For pictures that a model reads, see
/// fitted.h.
/// @throws as find_format, and as the format's reader does
std::unique_ptr<Dataset> open_dataset(const DataConfig& data, Split split, const OpenListener& listener = {});
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& path, Split split,
                                      const std::string& format = "auto");

}  // namespace spikemix
