// SPDX-License-Identifier: MIT
#include "spikemix/report/run.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/base/json.h"
#include "spikemix/base/metrics_log.h"
#include "spikemix/config/config_json.h"

namespace spikemix::reports {
namespace {

namespace fs = std::filesystem;

Epoch epoch_of(const MetricsLine& line, std::string& tested_on) {
  constexpr double kNotTested = std::numeric_limits<double>::quiet_NaN();
  Epoch epoch{.epoch = double(line.whole("epoch")),
              .train_loss = line.number("train_loss"),
              .loss = kNotTested,
              .top1 = kNotTested,
              .learning_rate = line.number("lr"),
              .images_per_second = line.number("images_per_second")};
  for (const std::string on : {"test", "validation"}) {
    const std::string loss = on + "_loss", top1 = on + "_top1";
    if (!line.has(loss.c_str()) && !line.has(top1.c_str())) continue;
    epoch.loss = line.number(loss.c_str()), epoch.top1 = line.number(top1.c_str());
    tested_on = on;
  }
  return epoch;
}

void read_epochs(const fs::path& file, Run& run) {
  const MetricsLog log = read_metrics(file);
  double next = 0;
  const auto missing = [&](double end) {
    if (next < end)
      run.missing.push_back(next + 1 == end
                                ? fmt::format("{}: has no line of epoch {}", file.string(), end)
                                : fmt::format("{}: has no lines of the epochs {} to {}", file.string(), next + 1, end));
  };
  for (const MetricsLine& line : log.lines) {
    if (line.type != "epoch") continue;
    const Epoch epoch = epoch_of(line, run.tested_on);
    if (epoch.epoch < next) throw input_error("{}: epoch {} comes twice: damaged?", line.where, epoch.epoch + 1);
    missing(epoch.epoch);
    next = epoch.epoch + 1;
    run.epochs.push_back(epoch);
  }
  if (run.summary) missing(double(run.config.train.all_epochs()));
  if (log.cut) run.missing.push_back(fmt::format("{}: its last line is cut", file.string()));
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
  const fs::path summary = folder / "summary.json";
  if (fs::exists(summary)) {
    run.summary = parse_json(read_file(summary), summary.string() + ":");
    if (!run.summary->is_object()) throw input_error("{}: is not a run's summary", summary.string());
  }
  read_epochs(folder / "metrics.jsonl", run);
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
