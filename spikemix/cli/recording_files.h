#pragma once

#include <span>
#include <string>
#include <vector>

#include "spikemix/core/config.h"
#include "spikemix/data/dataset.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// Recordings from the command line, as a data set without labels. All are kept in memory: 16 bytes an event.
class RecordingFiles : public Dataset {
 public:
  /// A recording that does not say how large its sensor was is taken as the model's height and width, if it fits.
  /// @throws InputError naming the file and byte
  RecordingFiles(const std::vector<std::string>& files, const ReadOptions& options, const ModelConfig& model);

  int64_t size() const override { return int64_t(files_.size()); }
  int64_t label(int64_t) const override { return 0; }
  std::string source(int64_t i) const override { return files_[size_t(i)].name; }
  const std::vector<std::string>& classes() const override { return no_classes_; }
  bool holds_events() const override { return true; }
  RecordingInfo recording(int64_t i) const override { return files_[size_t(i)].info; }
  std::vector<Event> events(int64_t i) const override { return files_[size_t(i)].events; }

 private:
  struct File {
    std::string name;
    std::vector<Event> events;
    RecordingInfo info;
  };
  std::vector<File> files_;
  std::vector<std::string> no_classes_;
};

/// All events of a recording in one picture, on events red, off events blue.
Image picture_of(std::span<const Event> events, SensorSize sensor);

}  // namespace spikemix
