#include "spikemix/train/run_folder.h"

#include <cerrno>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <torch/version.h>
#include <unistd.h>

#include "spikemix/core/error.h"
#include "spikemix/core/file.h"
#include "spikemix/core/json.h"
#include "spikemix/core/version.h"
#include "spikemix/nn/torch.h"
#include "spikemix/train/trainer.h"

namespace spikemix {
namespace {

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

void RunFolder::lock() {
  const std::filesystem::path lock = path_ / ".lock";
  lock_ = ::open(lock.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_ < 0) throw_file_error(lock.string(), errno);
  // The kernel lets go of it when the process ends, however it ends.
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw input_error("{}: another process is training in this run folder", path_.string());
  }
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

RunFolder RunFolder::create(const std::filesystem::path& path) {
  if (std::filesystem::exists(path / "config.json")) {
    throw input_error("{0}: holds a run already; go on with `spikemix resume {0}`, or name another folder with --out",
                      path.string());
  }
  std::error_code error;
  std::filesystem::create_directories(path / "best", error);
  if (!error) std::filesystem::create_directories(path / "last", error);
  if (error) throw_file_error(path.string(), error.value());
  RunFolder folder(path);
  folder.lock();
  return folder;
}

RunFolder RunFolder::names_of(const std::filesystem::path& path) { return RunFolder(path); }

RunFolder RunFolder::open(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path / "config.json")) {
    throw input_error("{}: no run folder (it has no config.json)", path.string());
  }
  RunFolder folder(path);
  folder.lock();
  return folder;
}

nlohmann::json run_record(const Config& config, int64_t steps_per_epoch, int64_t train_images, int64_t test_images,
                          const RunRanks& ranks) {
  const TrainConfig& t = config.train;
  return {{"config", to_json(config)},
          {"effective",
           {{"peak_learning_rate", peak_learning_rate(t)},
            {"batch_for_each_optimiser_step", t.batch * t.accumulate},
            {"steps_per_epoch", steps_per_epoch},
            {"optimiser_steps", steps_per_epoch / t.accumulate * (t.epochs + t.cooldown_epochs)},
            {"train_images", train_images},
            {"test_images", test_images},
            {"ranks", ranks.ranks},
            {"batch_of_each_rank", t.batch / ranks.ranks},
            {"bucket_bytes", ranks.bucket_bytes},
            {"threads", at::get_num_threads()},
            {"threads_by_default", ranks.own_threads},
            {"loader_threads", t.loader_threads}}},
          {"environment",
           {{"spikemix", kVersion},
            {"git_commit", kGitCommit},
            {"torch", TORCH_VERSION},
            {"compiler", __VERSION__},
            {"processor", processor_name()},
            {"cpu_capability", at::get_cpu_capability()}}}};
}

nlohmann::json read_run_record(const RunFolder& folder) {
  const std::string where = folder.config().string();
  nlohmann::json record = parse_json(read_file(folder.config()), where + ":");
  if (!record.is_object() || !record.contains("config")) throw input_error("{}: not a run's record", where);
  return record;
}

}  // namespace spikemix
