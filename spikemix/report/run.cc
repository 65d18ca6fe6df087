#include "spikemix/report/run.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/base/json_lines.h"
#include "spikemix/config/config_json.h"

namespace spikemix::reports {
namespace {

namespace fs = std::filesystem;

double number(const nlohmann::json& line, const std::string& key) {
  const auto found = line.find(key);
  const bool is_number = found != line.end() && found->is_number();
  return is_number ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

void read_epochs(const fs::path& file, Run& run) {
  if (!fs::exists(file)) return;
  for (const nlohmann::json& line : read_json_lines(file)) {
    if (!line.is_object() || line.value("type", nlohmann::json()) != "epoch") continue;
    if (line.contains("validation_top1")) run.tested_on = "validation";
    run.epochs.push_back({.epoch = number(line, "epoch"),
                          .train_loss = number(line, "train_loss"),
                          .loss = number(line, run.tested_on + "_loss"),
                          .top1 = number(line, run.tested_on + "_top1"),
                          .learning_rate = number(line, "lr"),
                          .images_per_second = number(line, "images_per_second")});
  }
  std::erase_if(run.epochs, [](const Epoch& epoch) { return !(epoch.epoch >= 0); });
}

}  // namespace

std::string Run::mixer() const { return fmt::format("{}", fmt::join(config.model.mixer, ",")); }

bool is_run(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "config.json", error) && fs::is_directory(folder, error);
}

Run read_run(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal(), record = folder / "config.json";
  Run run;
  run.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  run.folder = folder.string();
  run.record = parse_json(read_file(record), record.string() + ":");
  if (!run.record.is_object() || !run.record.contains("config"))
    throw input_error("{}: holds no \"config\", expected a run's record", record.string());
  run.config = config_from_json(run.record["config"], record.string());
  read_epochs(folder / "metrics.jsonl", run);
  const fs::path summary = folder / "summary.json";
  if (fs::exists(summary)) {
    run.summary = parse_json(read_file(summary), summary.string() + ":");
    if (!run.summary->is_object()) throw input_error("{}: is not a run's summary", summary.string());
  }
  return run;
}

FoundRuns find_runs(const fs::path& path) {
  FoundRuns found;
  if (is_run(path)) return {{path}, {}};
  const fs::path record = path / "sweep.json";
  std::error_code error;
  if (!fs::exists(record, error)) {
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
      if (is_run(entry->path())) found.folders.push_back(entry->path());
    }
    std::ranges::sort(found.folders);
    return found;
  }
  const nlohmann::json sweep = parse_json(read_file(record), record.string() + ":");
  try {
    for (const nlohmann::json& run : sweep.at("runs")) {
      const std::string name = run.at("folder");
      if (is_run(path / name))
        found.folders.push_back(path / name);
      else
        found.missing.push_back((path / name).string());
    }
  } catch (const nlohmann::json::exception&) {
    throw input_error("{}: not a sweep's record: damaged?", record.string());
  }
  return found;
}

}  // namespace spikemix::reports
