// SPDX-License-Identifier: MIT
#include "spikemix/cli/train/find_batch.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/cli/talk.h"
#include "spikemix/cli/train/few_steps.h"
#include "spikemix/data/dataset.h"
#include "spikemix/data/subset.h"
#include "spikemix/train/device.h"

namespace spikemix {
namespace {

constexpr int64_t kUntimedSteps = 1, kTimedSteps = 2;  // optimiser steps; its state exists after the first
constexpr int64_t kLargest = 1 << 14;
constexpr double kClose = 0.04;  // good enough: the next batch size worth trying is closer than this

struct Probe {
  int64_t batch = 0, peak = 0;  // in bytes
  double images_per_second = 0;
  bool fits = false;
};

// In this process: peak memory and speed of a few steps.
Probe measure(const Config& config) {
  const int64_t turns = config.train.accumulate;
  const std::string device = open_device(config.train.device);
  const TimedSteps steps = train_few_steps(config, kUntimedSteps * turns, kTimedSteps * turns);
  Probe probe{.batch = config.train.batch, .peak = peak_memory(device)};
  if (steps.timed > 0) probe.images_per_second = double(steps.timed * probe.batch) / steps.seconds;
  return probe;
}

// A child's report to its parent: a result, or an error message.
template <class Result>
struct Report {
  Result result;
  char error[1024] = "";
  bool users_fault = false;
};

// Runs work() in a separate process; none if it ran out of memory or the kernel killed it for that. So its peak memory
// is its own, and this process never touches the GPU, which could not be used after a fork.
template <class Work, class Result = std::invoke_result_t<Work>>
std::optional<Result> in_child(const Work& work) {
  int ends[2];
  if (pipe(ends) != 0) throw run_error("--find-batch: {}", std::strerror(errno));
  flush_answer();  // once, and not again by the child
  const pid_t child = fork();
  if (child < 0) throw run_error("--find-batch: {}", std::strerror(errno));
  Report<Result> report;
  if (child == 0) {
    try {
      report.result = work();
    } catch (const std::exception& error) {
      const Fault fault = fault_of(error);
      const std::string text = fault.of == Fault::Of::kUnknown ? error.what() : fault.text;
      fmt::format_to_n(report.error, sizeof report.error - 1, "{}", text);
      report.users_fault = fault.of == Fault::Of::kInput;
    }
    _exit(write(ends[1], &report, sizeof report) == sizeof report ? 0 : 1);
  }
  close(ends[1]);
  const bool told = read(ends[0], &report, sizeof report) == sizeof report;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (told && report.error[0] && report.users_fault) throw InputError(report.error);
  // Any other end has nothing to do with memory.
  if (!told && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
    throw run_error("--find-batch: a step ended the process (status {})", status);
  if (!told || std::string_view(report.error).find("out of memory") != std::string_view::npos) return std::nullopt;
  if (report.error[0]) throw RunError(report.error);
  return report.result;
}

Probe probe_batch(Config config, int64_t batch) {
  config.train.batch = batch;
  return in_child([&] { return measure(config); }).value_or(Probe{.batch = batch});
}

// Nine tenths of the memory that is free on the run's device.
int64_t default_budget(const std::string& device) {
  const auto free = in_child([&] { return available_memory(open_device(device)); });
  if (!free) throw run_error("--find-batch: the device has no memory left");
  return *free / 10 * 9;
}

int64_t training_images(const DataConfig& data) {
  const int64_t images =
      subset(std::shared_ptr<const Dataset>(open_dataset(data, Split::kTrain)), data.train_images, "data.train_images")
          ->size();
  return images - std::llround(data.validation * double(images));
}

// Rounded down to a multiple of 8, from 8 on: the usual numbers, and good for vectors.
int64_t rounded(double batch) {
  const auto whole = int64_t(batch);
  return whole >= 8 ? whole / 8 * 8 : std::max<int64_t>(1, whole);
}

double gigabytes(int64_t bytes) { return double(bytes) / 1e9; }

// The search: memory grows linearly with the batch, so two points tell where it reaches the budget.
class Search {
 public:
  Search(const Config& config, int64_t budget, int64_t largest, bool quiet)
      : config_(config), budget_(budget), largest_(largest), quiet_(quiet) {}

  const std::vector<Probe>& run() {
    int64_t next = std::min<int64_t>(8, largest_);
    while (next > 0) {
      try_batch(next);
      next = next_batch();
    }
    return probes_;
  }
  std::optional<Probe> best() const { return fits_; }

 private:
  void try_batch(int64_t batch) {
    Probe probe = probe_batch(config_, batch);
    probe.fits = probe.peak > 0 && probe.peak <= budget_;
    if (!quiet_) {
      answer("batch {:>5}   {}\n", batch,
             probe.peak == 0 ? "ran out of memory"
                             : fmt::format("{:>7.2f} GB   {:>7.1f} img/s{}", gigabytes(probe.peak),
                                           probe.images_per_second, probe.fits ? "" : "   too large"));
      flush_answer();
    }
    probes_.push_back(probe);
    if (probe.fits && (!fits_ || batch > fits_->batch)) before_ = fits_, fits_ = probe;
    if (!probe.fits && (!too_large_ || batch < too_large_->batch)) too_large_ = probe;
  }

  // 0: done.
  int64_t next_batch() const {
    if (!fits_) return too_large_->batch > 1 ? too_large_->batch / 2 : 0;
    if (fits_->batch == largest_) return 0;
    const std::optional<Probe> other = too_large_ && too_large_->peak > 0 ? too_large_ : before_;
    int64_t next = 2 * fits_->batch;
    if (other && other->peak != fits_->peak) {
      const double slope = double(fits_->peak - other->peak) / double(fits_->batch - other->batch);
      if (slope > 0) next = rounded(double(fits_->batch) + double(budget_ - fits_->peak) / slope);
      // Two points near zero say little about a point far away.
      next = std::min(next, 16 * fits_->batch);
    }
    if (too_large_) {
      const int64_t middle = rounded(double(fits_->batch + too_large_->batch) / 2);
      next = std::min(next, too_large_->peak > 0 ? too_large_->batch - 1 : middle);
      next = next >= 8 ? rounded(double(next)) : next;
    }
    next = std::min(next, largest_);
    const bool worth_it = double(next) > (1 + kClose) * double(fits_->batch);
    return worth_it ? next : 0;
  }

  const Config& config_;
  const int64_t budget_, largest_;
  const bool quiet_;
  std::vector<Probe> probes_;
  std::optional<Probe> fits_, before_, too_large_;
};

}  // namespace

void find_batch(Config config, int64_t budget, bool json) {
  if (budget == 0) budget = default_budget(config.train.device);
  config.train.epochs = config.train.eval_every = kUntimedSteps + kTimedSteps;  // at least one optimiser step
  config.train.warmup_epochs = config.train.cooldown_epochs = 0;
  const int64_t images = training_images(config.data);
  Search search(config, budget, std::min(kLargest, images / config.train.accumulate), json);
  if (!json) answer("the largest train.batch within {:.2f} GB:\n", gigabytes(budget));
  const std::vector<Probe>& probes = search.run();
  const std::optional<Probe> best = search.best();
  if (!best) {
    const Probe& smallest = probes.back();
    throw input_error(
        "--find-batch: train.batch=1 {}, the budget is {:.2f} GB{}",
        smallest.peak == 0 ? "runs out of memory" : fmt::format("takes {:.2f} GB", gigabytes(smallest.peak)),
        gigabytes(budget), config.train.recompute ? "" : "; train.recompute=true takes less");
  }
  if (!json) {
    answer("train.batch={}   {:.2f} GB, {:.1f} img/s{}\n", best->batch, gigabytes(best->peak), best->images_per_second,
           best->batch == images / config.train.accumulate ? "; the data set holds no larger one" : "");
    return;
  }
  nlohmann::json document = {{"batch", best->batch},
                             {"budget_bytes", budget},
                             {"peak_memory_bytes", best->peak},
                             {"images_per_second", best->images_per_second},
                             {"tried", nlohmann::json::array()}};
  for (const Probe& p : probes)
    document["tried"].push_back({{"batch", p.batch},
                                 {"peak_memory_bytes", p.peak},
                                 {"images_per_second", p.images_per_second},
                                 {"fits", p.fits}});
  answer_json(document);
}

}  // namespace spikemix
