#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>

#include "spikemix/data/recordings.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

bool is_recording_name(const fs::path& file) {
  constexpr std::array<std::string_view, 6> kEndings = {".aedat", ".aedat4", ".npz", ".bin", ".dat", ".raw"};
  return std::ranges::count(kEndings, lower(file.extension().string())) > 0;
}

std::optional<Split> split_named(const std::string& folder) {
  const std::string name = lower(folder);
  if (name == "train") return Split::kTrain;
  if (name == "test" || name == "val" || name == "valid") return Split::kTest;
  return {};
}

/// "train/cat/a/1.aedat": train, cat. Without a folder of a split, "set/cat/1.aedat": no split, cat.
struct Place {
  std::optional<Split> split;
  std::string class_name;
};

std::optional<Place> place_of(const std::string& name) {
  const fs::path path(name);
  if (!is_recording_name(path)) return {};
  const std::vector<fs::path> parts(path.begin(), path.end());
  for (size_t i = 0; i + 2 < parts.size(); ++i) {
    if (const auto split = split_named(parts[i].string())) return Place{split, parts[i + 1].string()};
  }
  if (parts.size() < 2) return {};
  return Place{{}, parts[parts.size() - 2].string()};
}

bool is_digit(const std::string& name) { return name.size() == 1 && name[0] >= '0' && name[0] <= '9'; }

}  // namespace

bool recognises_recordings(const fs::path& path) {
  const auto names = FileTree::some_names(path);
  return std::ranges::any_of(names, [](const std::string& name) { return place_of(name).has_value(); });
}

RecordingList list_recordings(const FileTree& tree) {
  std::map<std::string, int64_t> classes;
  bool splits = false;
  for (const std::string& name : tree.names()) {
    if (const auto place = place_of(name)) classes[place->class_name], splits |= place->split.has_value();
  }
  RecordingList list;
  for (auto& [name, label] : classes) label = int64_t(list.classes.size()), list.classes.push_back(name);
  std::vector<RecordingSample> samples;
  std::vector<int64_t> of_class(classes.size()), seen(classes.size());
  bool all_bin = true;
  for (const std::string& name : tree.names()) {
    const auto place = place_of(name);
    if (!place) continue;
    if (splits && !place->split) {
      throw input_error("{}: a recording outside of train/ and test/; move it into one of them", tree.where(name));
    }
    const int64_t label = classes.at(place->class_name);
    samples.push_back({.file = name, .split = place->split.value_or(Split::kTrain), .label = label});
    ++of_class[size_t(label)];
    all_bin &= lower(fs::path(name).extension().string()) == ".bin";
  }
  if (!splits) {
    for (RecordingSample& sample : samples) {
      const auto label = size_t(sample.label);
      const int64_t train = (9 * of_class[label] + 9) / 10;
      sample.split = seen[label]++ < train ? Split::kTrain : Split::kTest;
    }
  }
  // By class, then by name, whatever folders lie between.
  std::ranges::stable_sort(samples, {}, &RecordingSample::label);
  list.samples = std::move(samples);
  if (all_bin) list.sensor = std::ranges::all_of(list.classes, is_digit) ? SensorSize{34, 34} : SensorSize{240, 180};
  return list;
}

}  // namespace spikemix
