// SPDX-License-Identifier: MIT
#include "spikemix/cli/sweep_runner.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spikemix/base/clock.h"
#include "spikemix/base/error.h"
#include "spikemix/base/file.h"
#include "spikemix/cli/exit_code.h"
#include "spikemix/cli/stop_signals.h"
#include "spikemix/cli/talk.h"

namespace spikemix {
namespace {

namespace fs = std::filesystem;

constexpr int kSecondsForTheLast = 60;  // time for an earlier sweep's runs to save and end

// Held by this process and all runs that it starts: whoever gets it is alone.
class SweepLock {
 public:
  SweepLock(const fs::path& folder, const StopSignals& signals) {
    const fs::path file = folder / ".lock";
    descriptor_ = ::open(file.c_str(), O_CREAT | O_RDWR, 0644);  // not O_CLOEXEC: the runs inherit it
    if (descriptor_ < 0) throw_file_error(file.string(), errno);
    const auto start = Clock::now();
    bool told = false;
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (signals.received()) throw Exit{kInterrupted};
      if (seconds_since(start) > kSecondsForTheLast)
        throw input_error("{}: another sweep is running in this folder", folder.string());
      if (!std::exchange(told, true))
        say("{}: waiting for the runs of an earlier start to save and end", folder.string());
      signals.sleep_until(Clock::now() + std::chrono::milliseconds(200));
    }
  }
  SweepLock(const SweepLock&) = delete;
  SweepLock& operator=(const SweepLock&) = delete;
  ~SweepLock() { ::close(descriptor_); }

 private:
  int descriptor_ = -1;
};

struct Child {
  pid_t pid = -1;
  const SweepRun* run = nullptr;
  Clock::time_point start;
};

class RunsOfSweep {
 public:
  RunsOfSweep(const SweepPlan& plan, const fs::path& folder, int64_t jobs, int64_t threads)
      : plan_(plan), folder_(folder), jobs_(jobs), threads_(std::max<int64_t>(1, threads / jobs)) {}

  SweepOutcome run(const StopSignals& signals) {
    std::deque<const SweepRun*> waiting;
    for (const SweepRun& run : plan_.runs) {
      if (is_done(run))
        ++outcome_.done;
      else
        waiting.push_back(&run);
    }
    if (outcome_.done > 0) say("{} of {} runs are done already", outcome_.done, plan_.runs.size());
    while (!children_.empty() || (!waiting.empty() && !outcome_.stopped)) {
      while (!waiting.empty() && !outcome_.stopped && int64_t(children_.size()) < jobs_) {
        start(*waiting.front());
        waiting.pop_front();
      }
      reap();
      if (signals.received() && !outcome_.stopped) stop();
      // Waits for a requested stop; from then on, the signals' own sleep ends at once.
      if (outcome_.stopped)
        ::usleep(50'000);
      else
        signals.sleep_until(Clock::now() + std::chrono::milliseconds(50));
    }
    return outcome_;
  }

 private:
  fs::path folder_of(const SweepRun& run) const { return folder_ / run.name; }
  fs::path log_of(const SweepRun& run) const { return folder_ / (run.name + ".log"); }
  bool is_done(const SweepRun& run) const { return fs::exists(folder_of(run) / "summary.json"); }

  std::vector<std::string> command(const SweepRun& run, bool begun) const {
    std::vector<std::string> words = {"spikemix"};
    if (begun) {
      words.insert(words.end(), {"resume", folder_of(run).string()});
      if (!plan_.data.empty()) words.insert(words.end(), {"--data", plan_.data});
      return words;
    }
    words.insert(words.end(), {"train", plan_.recipe, "--of-sweep"});
    words.insert(words.end(), run.settings.begin(), run.settings.end());
    words.insert(words.end(), {"--seed", fmt::to_string(run.seed), "--out", folder_of(run).string()});
    if (!plan_.data.empty()) words.insert(words.end(), {"--data", plan_.data});
    if (!run.sets_threads) words.insert(words.end(), {"--threads", fmt::to_string(threads_)});
    return words;
  }

  void start(const SweepRun& run) {
    const bool begun = has_begun(folder_, run.name);
    const std::vector<std::string> words = command(run, begun);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const fs::path log = log_of(run);
    flush_answer();
    const pid_t parent = ::getpid(), pid = ::fork();
    if (pid < 0) throw run_error("sweep: {}: {}", run.name, std::strerror(errno));
    if (pid == 0) become(argv.data(), log, parent);
    children_.push_back({pid, &run, Clock::now()});
    say("{} {}", run.name, begun ? "goes on" : "begins");
  }

  // Runs in the new process, where only system calls are safe.
  [[noreturn]] static void become(char* const* argv, const fs::path& log, pid_t parent) {
    ::setpgid(0, 0);  // Ctrl-C goes to the sweep, which tells its runs once
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(kFailed);  // the parent was gone before that
    const int in = ::open("/dev/null", O_RDONLY), out = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
    if (in < 0 || out < 0) ::_exit(kFailed);
    ::dup2(in, 0), ::dup2(out, 1), ::dup2(out, 2);
    ::close(in), ::close(out);
    ::execv("/proc/self/exe", argv);
    ::_exit(kFailed);
  }

  void reap() {
    for (auto child = children_.begin(); child != children_.end();) {
      int status = 0;
      if (::waitpid(child->pid, &status, WNOHANG) != child->pid) {
        ++child;
        continue;
      }
      finish(*child, status);
      child = children_.erase(child);
    }
  }

  void finish(const Child& child, int status) {
    const SweepRun& run = *child.run;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kDone && is_done(run)) {
      ++outcome_.done;
      say("{} done in {:.0f} s, {} of {}", run.name, seconds_since(child.start), outcome_.done, plan_.runs.size());
    } else if (!outcome_.stopped) {
      const std::string why =
          WIFSIGNALED(status) ? fmt::format("ended by signal {}", WTERMSIG(status)) : last_line(run);
      outcome_.failed.emplace_back(run.name, why);
      say("{} failed: {}", run.name, why);
    }
  }

  std::string last_line(const SweepRun& run) const {
    std::string text = fs::exists(log_of(run)) ? read_file(log_of(run)) : "";
    while (text.ends_with('\n')) text.pop_back();
    text = text.substr(text.rfind('\n') + 1);
    return text.empty() ? "it said nothing" : text.starts_with("spikemix: ") ? text.substr(10) : text;
  }

  void stop() {
    outcome_.stopped = true;
    for (const Child& child : children_) ::kill(child.pid, SIGTERM);
  }

  const SweepPlan& plan_;
  const fs::path folder_;
  const int64_t jobs_, threads_;
  std::vector<Child> children_;
  SweepOutcome outcome_;
};

}  // namespace

SweepOutcome run_sweep(const SweepPlan& plan, const fs::path& folder, int64_t jobs, int64_t threads) {
  const StopSignals signals;
  const SweepLock lock(folder, signals);
  return RunsOfSweep(plan, folder, jobs, threads).run(signals);
}

}  // namespace spikemix
