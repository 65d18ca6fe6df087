#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"

namespace spikemix {

/// What `spikemix data info` says about one split.
struct SplitSummary {
  std::string name;  ///< "train" or "test"
  int64_t images = 0;
  std::vector<int64_t> class_counts;
  /// From here on: of the sample, `sampled` images evenly spread over the split.
  int64_t sampled = 0;
  int64_t min_height = 0, max_height = 0, min_width = 0, max_width = 0;
  int64_t channels = 0;                     ///< 3 if any image has colour
  std::vector<double> mean = {}, std = {};  ///< of each channel, in 0..1: fit for data.mean and data.std
};

struct DataSummary {
  std::string format;
  std::vector<std::string> classes = {};
  std::vector<SplitSummary> splits = {};  ///< those that are there
};

SplitSummary summarise(const Dataset& dataset, const std::string& name, int64_t sample);

/// Cost: opens both splits and decodes `sample` images of each.
/// @throws InputError as open_dataset, if neither split is there, or if a picture of the sample is damaged
DataSummary summarise(const std::filesystem::path& path, const std::string& format = "auto", int64_t sample = 2000);

}  // namespace spikemix
