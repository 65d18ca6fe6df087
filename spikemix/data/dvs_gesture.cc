#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

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

/// A line of a text file and its number, counted from 1; without the blanks around it.
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

// "DvsGesture/" if that is where the list of trials lies.
std::string folder_of_trials(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == kTrain || name.ends_with("/" + std::string(kTrain))) return name.substr(0, name.size() - kTrain.size());
  }
  return {};
}

std::vector<std::string> read_classes(const FileTree& tree, const std::string& folder) {
  std::vector<std::string> classes(std::begin(kClasses), std::end(kClasses));
  const std::string mapping = folder + "gesture_mapping.csv";
  if (!tree.contains(mapping)) return classes;
  const std::string text = tree.text(mapping);
  for (const auto& [line, content] : lines_of(text)) {
    const auto fields = fields_of(content);
    const auto label = fields.size() == 2 ? number(fields[1]) : std::nullopt;
    if (line == 1 && !label) continue;  // "action,label"
    if (!label || *label < 1 || *label > int64_t(classes.size())) {
      throw input_error("{}:{}: '{}', expected ACTION,LABEL with a label of 1 to {}", tree.where(mapping), line,
                        content, classes.size());
    }
    classes[size_t(*label - 1)] = fields[0];
  }
  return classes;
}

// The lines "class,start,end" of a recording's csv.
void add_samples(const FileTree& tree, const std::string& recording, Split split, RecordingList& list) {
  const std::string csv = recording.substr(0, recording.rfind('.')) + "_labels.csv";
  if (!tree.contains(csv)) throw input_error("{}: no such file, expected the labels of {}", tree.where(csv), recording);
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
        {.file = recording, .split = split, .label = values[0] - 1, .begin = values[1], .end = values[2]});
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
  const std::string folder = folder_of_trials(tree.names());
  RecordingList list{.classes = read_classes(tree, folder), .samples = {}, .sensor = {}};
  for (const auto& [trials, split] : {std::pair{kTrain, Split::kTrain}, {kTest, Split::kTest}}) {
    const std::string name = folder + std::string(trials);
    if (!tree.contains(name)) throw input_error("{}: no such file, expected a recording a line", tree.where(name));
    const std::string text = tree.text(name);
    for (const auto& [line, recording] : lines_of(text)) {
      const std::string file = folder + std::string(recording);
      if (!tree.contains(file)) {
        throw input_error("{}:{}: names '{}', which is not there", tree.where(name), line, recording);
      }
      add_samples(tree, file, split, list);
    }
  }
  return list;
}

}  // namespace spikemix
