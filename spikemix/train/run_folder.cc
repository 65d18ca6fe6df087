// SPDX-License-Identifier: MIT
#include "spikemix/train/run_folder.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"

namespace spikemix {

void RunFolder::lock() {
  const std::filesystem::path lock = path_ / ".lock";
  lock_ = ::open(lock.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (lock_ < 0) throw_file_error(lock.string(), errno);
  // The kernel releases the lock when the process ends, for whatever reason.
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(std::exchange(lock_, -1));
    throw input_error("{}: another process is training in this run folder", path_.string());
  }
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), made_(other.made_), lock_(std::exchange(other.lock_, -1)) {}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void RunFolder::make_folders_of_models() const {
  for (const std::filesystem::path& folder : {path_ / "best", path_ / "last"}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw_file_error(folder.string(), error.value());
  }
}

RunFolder RunFolder::create(const std::filesystem::path& path) {
  if (std::filesystem::exists(path / "config.json")) {
    throw input_error("{0}: holds a run already; go on with `spikemix resume {0}`, or name another folder with --out",
                      path.string());
  }
  std::error_code error;
  const bool is_new = !std::filesystem::exists(path, error);
  RunFolder folder(path);
  folder.make_folders_of_models();
  folder.made_ = is_new;
  folder.lock();
  return folder;
}

void RunFolder::take_back() noexcept {
  std::error_code none;
  if (lock_ < 0 || std::filesystem::exists(config(), none)) return;
  // A folder into which somebody else has put something is not empty, and stays.
  for (const std::filesystem::path& made : {metrics(), state(), path_ / "best", path_ / "last", path_ / ".lock"})
    std::filesystem::remove(made, none);
  if (made_) std::filesystem::remove(path_, none);
}

RunFolder RunFolder::names_of(const std::filesystem::path& path) { return RunFolder(path); }

RunFolder RunFolder::look_at(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path / "config.json")) {
    throw input_error("{}: not a run folder (it has no config.json)", path.string());
  }
  return RunFolder(path);
}

RunFolder RunFolder::open(const std::filesystem::path& path) {
  RunFolder folder = look_at(path);
  folder.lock();
  // What copies a run (git, zip) may leave out empty folders.
  folder.make_folders_of_models();
  return folder;
}

}  // namespace spikemix
