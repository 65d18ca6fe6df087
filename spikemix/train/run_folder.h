// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "spikemix/data/answers.h"

namespace spikemix {

/// The names of a run's files, and the lock that keeps two processes out of one folder.
class RunFolder {
 public:
  /// Creates the folder of a new run, and its parents. @throws InputError if `path` already holds a run
  static RunFolder create(const std::filesystem::path& path);
  /// Opens a run to train on. @throws InputError if `path` holds no run, or another process has it open
  static RunFolder open(const std::filesystem::path& path);
  /// Opens a run for reading only: nothing is locked or written. @throws InputError if `path` holds none
  static RunFolder look_at(const std::filesystem::path& path);
  /// Only the names, for a rank that leaves all writing to another.
  static RunFolder names_of(const std::filesystem::path& path);
  ~RunFolder();
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&&) = delete;
  /// For a run that never got a config.json: removes what create() and the start of training made, and nothing else.
  void take_back() noexcept;

  std::filesystem::path config() const { return path_ / "config.json"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path state() const { return path_ / "state.safetensors"; }
  std::filesystem::path summary() const { return path_ / "summary.json"; }
  std::filesystem::path best_model() const { return path_ / "best" / "model.safetensors"; }
  std::filesystem::path last_model() const { return path_ / "last" / "model.safetensors"; }
  std::filesystem::path best_answers() const { return path_ / "best" / kAnswersFile; }
  std::filesystem::path last_answers() const { return path_ / "last" / kAnswersFile; }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
  void lock();
  void make_folders_of_models() const;
  std::filesystem::path path_;
  bool made_ = false;  // by create()
  int lock_ = -1;
};

}  // namespace spikemix
