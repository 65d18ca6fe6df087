// SPDX-License-Identifier: MIT
#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

#include "spikemix/data/kind.h"
#include "spikemix/data/recordings.h"

namespace spikemix {
namespace {

constexpr std::string_view kTrain = "trials_to_train.txt", kTest = "trials_to_test.txt";
constexpr const char* kClasses[] = {"hand_clapping",
                                    "right_hand_wave",
                                    "left_hand_wave",
                                    "right_arm_clockwise",
                                    "right_arm_counter_clockwise",
                                    "left_arm_clockwise",
                                    "left_arm_counter_clockwise",
                                    "arm_roll",
                                    "air_drums",
                                    "air_guitar",
                                    "other_gestures"};

/// A line of a text file, without surrounding blanks, and its number, counted from 1.
struct Line {
  int64_t number;
  std::string_view text;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int64_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    constexpr std::string_view kBlanks = " \t\r";
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    if (!line.empty()) lines.push_back({number, line});
  }
  return lines;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

// "DvsGesture/" if the list of trials is there.
std::string folder_of_trials(const FileTree& tree) {
  for (const std::string& name : tree.names()) {
    const std::string& member = tree.member(name);
    if (member == kTrain || member.ends_with("/" + std::string(kTrain))) {
      return member.substr(0, member.size() - kTrain.size());
    }
  }
  return {};
}

std::vector<std::string> read_classes(const FileTree& tree, const std::string& folder) {
  std::vector<std::string> classes(std::begin(kClasses), std::end(kClasses));
  const std::string mapping = tree.find(folder + "gesture_mapping.csv");
  if (mapping.empty()) return classes;
  const std::string text = tree.text(mapping);
  for (const auto& [line, content] : lines_of(text)) {
    const auto fields = fields_of(content);
    const auto label = fields.size() == 2 ? number(fields[1]) : std::nullopt;
    if (line == 1 && !label) continue;  // "action,label"
    const int64_t number_of_class = label.value_or(0);
    if (number_of_class < 1 || number_of_class > int64_t(classes.size())) {
      throw input_error("{}:{}: '{}', expected ACTION,LABEL with a label of 1 to {}", tree.where(mapping), line,
                        content, classes.size());
    }
    classes[size_t(number_of_class - 1)] = fields[0];
  }
  return classes;
}

// The lines "class,start,end" of a recording's csv.
void add_samples(const FileTree& tree, const std::string& recording, Split split, RecordingList& list) {
  const std::string table = recording.substr(0, recording.rfind('.')) + "_labels.csv", csv = tree.find(table);
  if (csv.empty()) throw input_error("{}: no such file, expected the labels of {}", tree.where(table), recording);
  const std::string text = tree.text(csv);
  for (const auto& [line, content] : lines_of(text)) {
    if (line == 1 && content.starts_with("class")) continue;
    const auto fields = fields_of(content);
    std::vector<int64_t> values;
    for (const std::string_view field : fields) {
      if (const auto value = number(field)) values.push_back(*value);
    }
    if (fields.size() != 3 || values.size() != 3) {
      throw input_error("{}:{}: '{}', expected CLASS,START,END in whole numbers", tree.where(csv), line, content);
    }
    if (values[0] < 1 || values[0] > int64_t(list.classes.size())) {
      throw input_error("{}:{}: class {}, expected 1 to {}", tree.where(csv), line, values[0], list.classes.size());
    }
    if (values[1] < 0 || values[2] <= values[1]) {
      throw input_error("{}:{}: from {} to {} us, expected an end after the start", tree.where(csv), line, values[1],
                        values[2]);
    }
    list.samples.push_back(
        {.file = tree.find(recording), .split = split, .label = values[0] - 1, .begin = values[1], .end = values[2]});
  }
}

}  // namespace

bool recognises_dvs_gesture(const std::filesystem::path& path) {
  const auto names = FileTree::some_names(path);
  return std::ranges::any_of(names, [](const std::string& name) {
    return name == kTrain || name.ends_with("/" + std::string(kTrain)) || name == kTest ||
           name.ends_with("/" + std::string(kTest));
  });
}

RecordingList list_dvs_gesture(const FileTree& tree) {
  const std::string folder = folder_of_trials(tree);
  RecordingList list{.classes = read_classes(tree, folder), .samples = {}, .sensor = {}};
  list.report.train_folder = folder + std::string(kTrain), list.report.test_folder = folder + std::string(kTest);
  std::map<std::string, Split> splits;
  for (const auto& [trials, split] : {std::pair{kTrain, Split::kTrain}, {kTest, Split::kTest}}) {
    const std::string table = folder + std::string(trials), name = tree.find(table);
    if (name.empty()) throw input_error("{}: no such file, expected one recording on each line", tree.where(table));
    const std::string text = tree.text(name);
    for (const auto& [line, recording] : lines_of(text)) {
      const std::string file = folder + std::string(recording);
      if (tree.find(file).empty()) {
        throw input_error("{}:{}: names '{}', which is not there", tree.where(name), line, recording);
      }
      if (const auto [at, added] = splits.emplace(file, split); !added) {
        throw input_error("{}:{}: names '{}' again{}; remove one of them", tree.where(name), line, recording,
                          at->second == split ? "" : ", which is named for training");
      }
      add_samples(tree, file, split, list);
    }
  }
  for (const std::string& name : tree.names()) {
    if (is_recording_name(name) && !splits.contains(tree.member(name))) {
      add_remark(list.report.left_out, "recordings that the tables do not name", name);
    }
  }
  add_left_out(list.report, tree, is_recording_name);
  return list;
}

}  // namespace spikemix
