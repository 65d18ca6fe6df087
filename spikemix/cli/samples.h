// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spikemix/base/error.h"
#include "spikemix/data/dataset.h"
#include "spikemix/events/reader.h"
#include "spikemix/formats/model_card.h"

namespace spikemix {

/// A picture, or a recording and its events: read once, for the model and for display.
struct Sample {
  std::string source;
  std::optional<int64_t> label = {};  ///< if it is known
  Image image = {};
  std::vector<Event> events = {};
  RecordingInfo recording = {};
};

/// Sample i of a data set. @throws as its readers do
Sample sample_of(const Dataset& data, int64_t i);

/// Some samples as a data set.
class Samples : public Dataset {
 public:
  Samples(bool events, std::vector<Sample> samples) : events_(events), samples_(std::move(samples)) {}

  const Sample& operator[](int64_t i) const { return samples_[size_t(i)]; }
  int64_t size() const override { return int64_t(samples_.size()); }
  int64_t label(int64_t i) const override { return (*this)[i].label.value_or(0); }
  Image image(int64_t i) const override { return (*this)[i].image; }
  std::string source(int64_t i) const override { return (*this)[i].source; }
  const std::vector<std::string>& classes() const override { return no_classes_; }
  bool holds_events() const override { return events_; }
  RecordingInfo recording(int64_t i) const override { return (*this)[i].recording; }
  std::vector<Event> events(int64_t i) const override { return (*this)[i].events; }

 private:
  const bool events_;
  const std::vector<Sample> samples_;
  const std::vector<std::string> no_classes_;
};

/// The files of a command line: files, folders (all files in them, by name), and - for standard input.
class FilesToRead {
 public:
  struct File {
    std::string path;
    bool found;  ///< in a folder, not named by the user
  };

  /// @param options  for recordings, as the flags say
  /// @param skip_bad  how many files that the user named may be skipped; of those found in a folder all may
  /// @throws InputError naming what is missing, or a folder without files
  FilesToRead(const std::vector<std::string>& arguments, const ReadOptions& options, int64_t skip_bad = 0);

  const std::vector<File>& list() const { return files_; }
  /// A picture or a recording as input of the model. Nothing for a file that is neither and may be skipped: skip(). If
  /// neither the recording nor the model's card gives the sensor's size, it is the model's height and width, if the
  /// events fit.
  /// @throws InputError naming the file and byte
  std::optional<Sample> read(const File& file, const ModelCard& card);
  /// Counts the file as skipped, and reports why on standard error. @throws `why` if it may not be skipped
  void skip(const File& file, const InputError& why);
  /// Reports how many files were skipped. @throws InputError if all were
  void finish() const;

 private:
  std::vector<File> files_;
  const ReadOptions options_;
  const int64_t skip_bad_;
  size_t skipped_ = 0;
  int64_t skipped_named_ = 0;  // by the user
};

/// All events of a recording in one picture: on events red, off events blue.
Image picture_of(std::span<const Event> events, SensorSize sensor);

}  // namespace spikemix
