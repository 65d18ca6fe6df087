// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"
#include "spikemix/data/report.h"

namespace spikemix {

/// The recordings of one class.
struct EventTotals {
  int64_t events = 0, min_us = 0, max_us = 0;  ///< in a single recording: shortest, longest
  double seconds = 0;                          ///< all together
};

/// What `spikemix data info` says about one split.
struct SplitSummary {
  std::string name;    ///< "train" or "test"
  int64_t images = 0;  ///< or recordings
  std::vector<int64_t> class_counts;
  std::map<std::string, int64_t> endings = {};  ///< of pictures in files of their own: how many are .jpg, .webp
  std::vector<std::string> damaged = {};        ///< left out (data.skip_bad): file and fault of each
  /// For recordings: all of them count, and the following fields about images are unknown.
  std::vector<EventTotals> class_events = {};
  SensorSize sensor = {};
  /// From here on: about the sample, `sampled` images evenly spread over the split.
  int64_t sampled = 0;
  int64_t min_height = 0, max_height = 0, min_width = 0, max_width = 0;
  int64_t channels = 0;                     ///< 3 if any image has colour
  std::vector<double> mean = {}, std = {};  ///< for each channel, in 0..1: usable as data.mean and data.std
};

struct DataSummary {
  std::string format;
  std::vector<std::string> classes = {};
  std::vector<SplitSummary> splits = {};  ///< those that exist
  DataReport report = {};
};

SplitSummary summarise(const Dataset& dataset, const std::string& name, int64_t sample);

/// Cost: opens both splits and decodes `sample` images of each.
/// @throws InputError as open_dataset does, if neither split exists, or if a picture of the sample is damaged
DataSummary summarise(const DataConfig& data, int64_t sample = 2000, const OpenListener& listener = {});

}  // namespace spikemix
