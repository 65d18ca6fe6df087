// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/hash.h"
#include "spikemix/cli/baseline.h"
#include "spikemix/cli/comparison.h"
#include "spikemix/cli/run_name.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/terminal.h"
#include "spikemix/data/answers.h"

namespace spikemix {
namespace {

using Json = nlohmann::json;

// Names, paths, and settings that change results only by rounding. Data are identified by their contents.
constexpr std::array<std::string_view, 6> kNotSettings = {
    "train.seed", "train.threads", "train.loader_threads", "train.checkpoint_seconds", "data.cache", "data.dir"};

// The facts about a run's data whose names contain one of the words; "" if there are none.
std::string hash_of_facts(const Json& record, const std::vector<std::string_view>& words) {
  Hash hash;
  bool known = false;
  const Json facts = record.value("data_facts", Json::object());
  for (const auto& [what, value] : facts.items()) {
    if (std::ranges::none_of(words, [&](std::string_view word) { return what.find(word) != what.npos; })) continue;
    hash.add(what).add(value.get<std::string>()), known = true;
  }
  return known ? hash.text() : "";
}

// Without its settings, a run would be compared as if they were all the same. @throws InputError
void check_record(const Json& record, const std::string& where) {
  if (!record.is_object() || !record.contains("config") || !record["config"].is_object() ||
      !record["config"].contains("model"))
    throw input_error("{}: not a run's record", where);
}

// Numbers of a summary, in the bounds of what training writes. @throws InputError
int64_t whole_of(const Json& summary, const char* key, int64_t least) {
  const Json& value = summary.at(key);
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()));
  if (!fits || value.get<int64_t>() < least)
    throw input_error("{} = {}: expected a whole number from {}", key, json_text(value), least);
  return value.get<int64_t>();
}

double number_of(const Json& summary, const char* key, double most, double least = 0) {
  const double value = summary.at(key).get<double>();
  if (!(value >= least && value <= most)) throw input_error("{} = {}: expected {} to {}", key, value, least, most);
  return value;
}

std::map<std::string, std::string> settings_of(const Json& record) {
  std::map<std::string, std::string> settings;
  for (const auto& [section, keys] : record.at("config").items()) {
    if (!keys.is_object()) continue;  // the run's name
    for (const auto& [key, value] : keys.items()) {
      const std::string name = fmt::format("{}.{}", section, key);
      if (std::ranges::count(kNotSettings, std::string_view(name)) > 0) continue;
      // A list of one is written as the value alone, as on a command line.
      const Json& one = value.is_array() && value.size() == 1 ? value[0] : value;
      settings[name] = one.is_string() ? one.get<std::string>() : json_text(one);
    }
  }
  const std::string test_data = hash_of_facts(record, {"test", "classes"});
  if (!test_data.empty()) settings["test_data"] = test_data;
  return settings;
}

// The settings that choose a run's training images from a data set, and the size that they are fitted to.
std::string training_choice_of(const std::map<std::string, std::string>& settings, const std::string& seed) {
  std::string choice;
  bool validates = false;
  for (const auto& [key, value] : settings) {
    const bool size = key == "model.height" || key == "model.width" || key == "model.channels";
    if (size || key.starts_with("data.")) choice += fmt::format("{}={}\n", key, value);
    validates |= key == "data.validation" && !same_value(value, "0");
  }
  return choice + (validates ? seed : "");  // the seed draws the validation images
}

// Answers that do not match the summary are from other weights: rounding changes a few images in a thousand.
constexpr double kSameWeights = 0.5;  // percent points

RightAnswers right_answers(const std::string& folder, const std::string& weights, double top1) {
  RightAnswers result;
  const std::filesystem::path file = std::filesystem::path(folder) / weights / kAnswersFile;
  if (!std::filesystem::exists(file)) {
    const std::string model = weights == "best" ? folder : (file.parent_path() / "model.safetensors").string();
    result.missing = fmt::format("keeps no answers; `spikemix eval {} --answers {}` writes them", model, file.string());
    return result;
  }
  try {
    const Answers answers = read_answers(file);
    if (std::abs(answers.top1() - top1) > kSameWeights) {
      result.missing = fmt::format("its {}/{} has {:.2f} % right, its summary {:.2f}: from other weights", weights,
                                   kAnswersFile, answers.top1(), top1);
      return result;
    }
    result.images = answers.images;
    for (size_t i = 0; i < answers.labels.size(); ++i) result.right.push_back(answers.labels[i] == answers.answers[i]);
  } catch (const InputError&) {
    result.missing = fmt::format("its {}/{} is damaged", weights, kAnswersFile);
  }
  return result;
}

constexpr double kMost = 1e18;  // of a speed, or of bytes

void take(const Json& summary, const Json& record, ComparedRun& run) {
  run.summary = summary;
  run.summary["run"] = run.folder;
  run.mixer = fmt::format("{}", fmt::join(summary.at("mixer").get<std::vector<std::string>>(), ","));
  run.seed = summary.contains("seed") ? fmt::to_string(whole_of(summary, "seed", 0)) : "-";
  run.parameters = whole_of(summary, "parameters", 0);
  run.best_epoch = summary.contains("best_epoch") ? whole_of(summary, "best_epoch", -1) : 0;
  // Both are -1 of a run that lost its best model after its last test.
  run.best = number_of(summary, "best_top1", 100, run.best_epoch < 0 ? -1 : 0);
  run.last = number_of(summary, "last_top1", 100);
  run.best_on_test = summary.value("best_on", std::string("test")) == "test";
  run.train_rate = number_of(summary, "train_images_per_second", kMost);
  run.test_rate = number_of(summary, "test_images_per_second", kMost);
  run.peak_memory = number_of(summary, "peak_memory_bytes", kMost);
  run.settings = settings_of(record);
  run.training_data = hash_of_facts(record, {"training"});
  run.training_choice = training_choice_of(run.settings, run.seed);
  run.best_right = right_answers(run.folder, "best", run.best);
  run.last_right = right_answers(run.folder, "last", run.last);
}

std::string cell(const std::string& text, int columns) { return padded(shortened(printable(text), columns), columns); }

}  // namespace

ComparedRun read_compared_run(const std::string& folder) {
  ComparedRun run{.folder = folder};
  const std::filesystem::path path = folder, summary = path / "summary.json", record = path / "config.json";
  if (std::error_code error; !std::filesystem::exists(std::filesystem::symlink_status(path, error)))
    throw input_error("{}: no such run folder", folder);
  if (!std::filesystem::exists(path)) {
    run.skipped = "a link to nothing";
  } else if (!std::filesystem::exists(record)) {
    run.skipped = "no run folder (it has no config.json)";
  } else if (!std::filesystem::exists(summary)) {
    run.skipped = fmt::format("not finished; `spikemix resume {}` continues it", folder);
  } else {
    std::string file = "summary.json";
    try {
      const Json told = parse_json(read_file(summary), summary.string() + ":");
      file = "config.json";
      const Json conditions = parse_json(read_file(record), record.string() + ":");
      check_record(conditions, record.string());
      file = "summary.json";
      take(told, conditions, run);
    } catch (const InputError&) {
      run.skipped = fmt::format("its {} is damaged", file);
    } catch (const Json::exception&) {
      run.skipped = fmt::format("its {} is damaged, or from another program", file);
    }
  }
  return run;
}

void print_runs(const std::vector<ComparedRun>& runs) {
  const int names_columns = columns_for_names(57, 23);  // width of the names of run and mixer
  std::vector<std::string> names;
  for (const ComparedRun& run : runs) names.push_back(run_name(run.folder));
  for (size_t i = 0; i < runs.size(); ++i) {
    if (std::ranges::count(names, run_name(runs[i].folder)) > 1) names[i] = runs[i].folder;
  }
  int name_width = 3, mixer_width = 5;
  for (size_t i = 0; i < runs.size(); ++i) {
    name_width = std::max(name_width, width_of(printable(names[i])));
    mixer_width = std::max(mixer_width, width_of(printable(runs[i].mixer)));
  }
  mixer_width = std::min(mixer_width, std::max(names_columns - name_width, names_columns / 3));
  name_width = std::min(name_width, names_columns - mixer_width);

  const std::string gap(size_t(name_width + mixer_width + 1), ' ');
  answer("{} {:>4} {:>8}  {:^13} {:>4} {:^13} {:>7}\n", gap, "", "para-", "test top-1 %", "best", "images/s", "peak");
  answer("{} {} {:>4} {:>8}  {:>6} {:>6} {:>4} {:>6} {:>6} {:>7}\n", cell("run", name_width),
         cell("mixer", mixer_width), "seed", "meters", "best", "last", "on", "train", "infer", "MB");
  for (size_t i = 0; i < runs.size(); ++i) {
    const ComparedRun& r = runs[i];
    answer("{} {} {:>4} {:>8}  {:>6.2f} {:>6.2f} {:>4} {:>6.0f} {:>6.0f} {:>7.0f}\n", cell(names[i], name_width),
           cell(r.mixer, mixer_width), r.seed, r.parameters, r.best, r.last, r.best_on_test ? "test" : "val",
           r.train_rate, r.test_rate, r.peak_memory / 1e6);
  }
}

}  // namespace spikemix
