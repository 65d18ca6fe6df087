// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "spikemix/data/dataset.h"
#include "spikemix/data/file_tree.h"
#include "spikemix/data/report.h"
#include "spikemix/events/reader.h"

namespace spikemix {

/// One sample of an event data set: a recording, or the part of it with begin <= t < end.
struct RecordingSample {
  std::string file;  ///< its name in the FileTree
  Split split = Split::kTrain;
  int64_t label = 0;
  int64_t begin = std::numeric_limits<int64_t>::min(), end = std::numeric_limits<int64_t>::max();  ///< microseconds
};

/// The contents of a data set, before any recording is read.
struct RecordingList {
  std::vector<std::string> classes;
  std::vector<RecordingSample> samples;  ///< in the data set's order
  SensorSize sensor;                     ///< for recordings that do not state it; unknown: the format's default
  DataReport report = {};
};

/// DVS128 Gesture (IBM, Amir et al. 2017) as published: a folder with trials_to_train.txt and trials_to_test.txt, which
/// name one recording on each line (userNN_LIGHT.aedat), and userNN_LIGHT_labels.csv, whose lines "class,start,end" (1
/// to 11, microseconds) cut it into samples. 1,176 training and 288 test samples. Class names come from
/// gesture_mapping.csv, or else from the publication.
bool recognises_dvs_gesture(const std::filesystem::path& path);
RecordingList list_dvs_gesture(const FileTree& tree);

/// Recordings with a folder for each class, in any format that `spikemix events formats` lists:
///  * train/CLASS/... and test/CLASS/..., recognised by their names (splits.h): N-MNIST, N-CARS, N-ImageNet
///  * CLASS/...: CIFAR10-DVS, N-Caltech101, which have no split. The first 90 % of each class, by name and rounded up,
///    are the training set, as in SpikingJelly's split_to_train_test_set and therefore in the papers.
/// Classes are sorted by name. N-MNIST's format does not give the sensor's size: it is 34 x 34 if all classes are
/// digits, otherwise 240 x 180 (N-Caltech101). Its annotations, and frames made by SpikingJelly, are left out.
bool recognises_recordings(const std::filesystem::path& path);
RecordingList list_recordings(const FileTree& tree);

/// Opens a split through the cache: a file with the events of all samples, 4 bytes each, made when the data set is
/// opened for the first time or has changed since. If no cache may be kept (data.cache = "off", a folder that cannot be
/// written to, a full disk), the file is in the system's temporary folder, without a name.
/// @throws as `format.list` and as the recordings' readers; InputError naming two recordings with the same events if
/// our split puts one into training and one into the test set (if the files have a split, the report mentions it);
/// CacheUnwritable
std::unique_ptr<Dataset> open_recordings(const DataConfig& data, Split split, const DataFormat& format,
                                         const OpenListener& listener);

}  // namespace spikemix
