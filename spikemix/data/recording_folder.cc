// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "spikemix/data/archive.h"
#include "spikemix/data/decode.h"
#include "spikemix/data/kind.h"
#include "spikemix/data/recordings.h"
#include "spikemix/data/splits.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

// "set/cat/1.aedat" has the class cat, and so has "cat.zip/1.aedat".
std::string class_above(const std::string& name) {
  const fs::path folder = fs::path(name).parent_path();
  return archive_stem(folder.filename().string());
}

bool is_digit(const std::string& name) { return name.size() == 1 && name[0] >= '0' && name[0] <= '9'; }

bool is_bin(const std::string& name) {
  const std::string ending = fs::path(name).extension().string();
  return ending.size() == 4 && is_recording_name(name) && (ending[1] == 'b' || ending[1] == 'B');
}

// Why a file next to recordings is not one although its name looks like it; "" for a recording.
std::string no_recording(const std::string& name) {
  const fs::path path(name);
  for (const fs::path& part : path.parent_path()) {
    const std::string folder = part.string();
    if (folder.starts_with("frames_number_") || folder.starts_with("duration_")) {
      return "frames that SpikingJelly made of recordings";
    }
  }
  if (path.filename().string().starts_with("annotation_")) return "annotations (N-Caltech101)";
  return "";
}

std::string class_of(const SplitLayout& layout, const std::string& name) {
  return layout.found() ? layout.place(name)->class_name : class_above(name);
}

// Is it a sample? If not, the report says that it was left out.
bool takes_recording(const FileTree& tree, const SplitLayout& layout, const std::string& name, DataReport& report) {
  using Where = SplitLayout::Where;
  const Where where = layout.found() ? layout.where(name) : Where::kTrain;
  if (name.find('/') == name.npos || where == Where::kNoClass) {
    add_remark(report.left_out, "recordings outside of class folders", name);
    return false;
  }
  if (where == Where::kOtherSplit) {
    add_remark(report.left_out, "recordings of a split that is not used", name);
    return false;
  }
  if (where == Where::kOutside) {
    throw input_error("{}: a recording outside of train/ and test/; move it into one of them, or elsewhere",
                      tree.where(name));
  }
  return true;
}

// The same class and name in two formats: a recording and what was made from it. That is not certain before both are
// read, and not even then, if the other format rotates the picture.
void check_formats(const FileTree& tree, const std::vector<std::string>& names) {
  std::map<std::pair<std::string, std::string>, std::string> first;
  for (const std::string& name : names) {
    const fs::path path(name);
    const auto [at, added] = first.emplace(std::pair{class_above(name), path.stem().string()}, name);
    if (added || fs::path(at->second).extension() == path.extension()) continue;
    throw input_error(
        "{}: looks like {} in another format, and a recording must not be in training and test data; give the folder "
        "of one format, for example {}, or move the others elsewhere",
        tree.where(name), tree.where(at->second), (tree.root() / path.parent_path().parent_path()).string());
  }
}

// The folder is part of a set with splits: n-cars_train, next to n-cars_test.
void check_root_is_no_split(const fs::path& root) {
  const fs::path path = fs::weakly_canonical(root);
  const Part part = part_named(path.filename().string());
  if (part == Part::kNone) return;
  std::error_code error;
  for (const fs::directory_entry& beside : fs::directory_iterator(path.parent_path(), error)) {
    const std::string name = beside.path().filename().string();
    const Part other = part_named(name);
    const bool pair = part == Part::kTrain ? other == Part::kTest || other == Part::kValidation : other == Part::kTrain;
    if (pair && (beside.is_directory(error) || is_archive_name(name))) {
      throw input_error("{}: one split of a data set, beside {}; give the folder that holds both, {}", root.string(),
                        name, path.parent_path().string());
    }
  }
}

// The first 90 % of each class, rounded up.
void draw_split(std::vector<RecordingSample>& samples, size_t classes) {
  std::vector<int64_t> of_class(classes), seen(classes);
  for (const RecordingSample& sample : samples) ++of_class[size_t(sample.label)];
  for (RecordingSample& sample : samples) {
    const auto label = size_t(sample.label);
    const int64_t train = (9 * of_class[label] + 9) / 10;
    sample.split = seen[label]++ < train ? Split::kTrain : Split::kTest;
  }
}

}  // namespace

bool recognises_recordings(const fs::path& path) {
  return kind_of(FileTree::some_names(path), path.string()) == DataKind::kRecordings;
}

RecordingList list_recordings(const FileTree& tree) {
  RecordingList list;
  std::vector<std::string> recordings, names;
  for (const std::string& name : tree.names()) {
    if (is_picture_name(name)) add_remark(list.report.left_out, "pictures", name);
    if (!is_recording_name(name)) continue;
    if (const std::string what = no_recording(name); !what.empty()) {
      add_remark(list.report.left_out, what, name);
    } else {
      recordings.push_back(name);
    }
  }
  add_left_out(list.report, tree, is_recording_name);
  const SplitLayout layout(recordings, tree.root().string());
  std::map<std::string, int64_t> classes;
  for (const std::string& name : recordings) {
    if (!takes_recording(tree, layout, name, list.report)) continue;
    classes[class_of(layout, name)];
    names.push_back(name);
  }
  for (auto& [name, label] : classes) label = int64_t(list.classes.size()), list.classes.push_back(name);
  for (const std::string& name : names) {
    const bool test = layout.where(name) == SplitLayout::Where::kTest;
    list.samples.push_back(
        {.file = name, .split = test ? Split::kTest : Split::kTrain, .label = classes.at(class_of(layout, name))});
  }
  list.report.train_folder = layout.train_folder(), list.report.test_folder = layout.test_folder();
  if (!layout.found() && !list.samples.empty()) {
    check_root_is_no_split(tree.root());
    check_formats(tree, names);
    draw_split(list.samples, classes.size());
    list.report.drawn = true;
  }
  // By class, then by name, whatever folders are between.
  std::ranges::stable_sort(list.samples, {}, &RecordingSample::label);
  if (!names.empty() && std::ranges::all_of(names, is_bin)) {
    list.sensor = std::ranges::all_of(list.classes, is_digit) ? SensorSize{34, 34} : SensorSize{240, 180};
  }
  return list;
}

}  // namespace spikemix
