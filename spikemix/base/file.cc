// SPDX-License-Identifier: MIT
#include "spikemix/base/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// What is there, if it is not a file of bytes.
const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "folder";
  if (S_ISLNK(mode)) return "link";
  if (S_ISFIFO(mode)) return "pipe";
  return S_ISSOCK(mode) ? "socket" : "device";
}

// Without O_NONBLOCK, opening a FIFO would wait for a writer, perhaps for ever. Reads of the descriptor do not wait.
int open_to_read(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) throw input_error("{}: no such file", path.string());
  if (fd < 0) throw_file_error(path.string(), errno);
  return fd;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

size_t write_fully(int descriptor, std::span<const std::byte> bytes) {
  // Linux writes at most 2 GiB at a time, and a signal may end a call early.
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(descriptor, bytes.data() + done, bytes.size() - done);
    if (n > 0) done += size_t(n);
    if (n < 0 && errno != EINTR) break;
  }
  return done;
}

std::string read_file(const std::filesystem::path& path) {
  const Descriptor file(open_to_read(path));
  // A pipe that somebody writes to (/dev/stdin, <(command)) is read to its end, one without a writer is empty.
  ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  std::string text;
  for (;;) {
    constexpr size_t kChunk = 1 << 16;
    const size_t size = text.size();
    text.resize(size + kChunk);
    const ssize_t n = ::read(file.get(), text.data() + size, kChunk);
    text.resize(size + size_t(std::max<ssize_t>(n, 0)));
    if (n == 0) return text;
    if (n < 0 && errno != EINTR) throw_file_error(path.string(), errno);
  }
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor file(open_to_read(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw_file_error(path.string(), errno);
  if (!S_ISREG(status.st_mode)) {
    throw input_error("{}: is a {}, expected a file", path.string(), kind_of(status.st_mode));
  }
  size_ = size_t(status.st_size);
  if (size_ == 0) return;  // an empty file cannot be mapped
  void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) throw run_error("{}: cannot map: {}", path.string(), std::strerror(errno));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  const auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void refuse_lfs_pointer(std::span<const std::byte> bytes, const std::string& where) {
  constexpr std::string_view kBeginning = "version https://git-lfs.github.com/spec/";
  if (bytes.size() < kBeginning.size() || std::memcmp(bytes.data(), kBeginning.data(), kBeginning.size()) != 0) return;
  throw input_error("{}: is a Git LFS pointer, expected the file itself; run `git lfs pull`", where);
}

// A name that no file of the user's has. Our commands know its ending (what a simulation may replace, caches).
std::filesystem::path partial_name(const std::filesystem::path& path) {
  return path.parent_path() / (".spikemix-" + path.filename().string() + ".partial");
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), partial_(partial_name(path)) {
  // A rename over /dev/null or a folder would do harm or fail late.
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw input_error("{}: is a {}, cannot be replaced by a file", path_.string(), kind_of(status.st_mode));
  }
  const auto in_the_way = [&](const char* found) {
    return input_error("{}: is in the way: {} is written there first, found a {}; remove it", partial_.string(),
                       path_.string(), found);
  };
  // Through a link it would overwrite what the link names, and a FIFO would wait for a reader.
  descriptor_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int error = errno;
    if (::lstat(partial_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) throw in_the_way(kind_of(status.st_mode));
    errno = error;
    if (!is_about_the_path(errno)) fail("cannot create");
    throw input_error("{}: cannot create: {}", path_.string(),
                      errno == ENOENT ? "no folder '" + folder_of(path_).string() + "'" : std::strerror(errno));
  }
  struct stat ours {};
  const bool known = ::fstat(descriptor_, &ours) == 0;
  if (known && (!S_ISREG(ours.st_mode) || ours.st_nlink > 1)) {
    ::close(std::exchange(descriptor_, -1));  // and leave it there
    throw in_the_way(S_ISREG(ours.st_mode) ? "file that has another name, too" : kind_of(ours.st_mode));
  }
  // One writer at a time. The lock belongs to the file, and a file that has been renamed meanwhile is no longer ours.
  // File systems without locks (some network ones) are accepted.
  const bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  if (!locked || !known || ::lstat(partial_.c_str(), &status) != 0 || ours.st_ino != status.st_ino) {
    ::close(std::exchange(descriptor_, -1));
    throw run_error("{}: another process is writing it", path_.string());
  }
  if (::ftruncate(descriptor_, 0) != 0) fail("cannot write");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::unlink(partial_.c_str());
  ::close(descriptor_);
}

void AtomicFile::fail(const char* doing) {
  const int error = errno;
  if (descriptor_ >= 0) {
    ::unlink(partial_.c_str());
    ::close(std::exchange(descriptor_, -1));
  }
  std::error_code ignored;
  throw run_error("{}: {}: {}; {}", path_.string(), doing, std::strerror(error),
                  std::filesystem::exists(path_, ignored) ? "the earlier file is intact" : "no file was left");
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (write_fully(descriptor_, bytes) != bytes.size()) fail("cannot write");
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot write");
  if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot replace");
  ::close(std::exchange(descriptor_, -1));
  // The rename itself must reach the disk, too. If the folder cannot be synced (some network file systems), the file is
  // still complete: after a power cut, only its name may be the earlier one.
  const Descriptor folder(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "spikemix-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw run_error("{}: cannot be made: {}", name, std::strerror(errno));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace spikemix
