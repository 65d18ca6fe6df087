// SPDX-License-Identifier: MIT
#include "spikemix/events/source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace spikemix {
namespace {

// Large enough to make a system call's cost negligible, small enough to stay in a core's second cache.
constexpr size_t kBuffer = 1 << 17;
// Bytes of a file that are read at a time: they stay in the second cache until they are decoded.
constexpr size_t kWindow = 1 << 18;

// Waits until `descriptor` is readable. False if `stop` came first.
bool wait_for(int descriptor, int stop) {
  pollfd both[] = {{.fd = descriptor, .events = POLLIN, .revents = 0}, {.fd = stop, .events = POLLIN, .revents = 0}};
  while (::poll(both, 2, -1) < 0 && errno == EINTR) {
  }
  return both[1].revents == 0;
}

class FileInput : public Input {
 public:
  FileInput(std::string name, int descriptor, std::optional<uint64_t> size, int stop = -1)
      : name_(std::move(name)), descriptor_(descriptor), size_(size), stop_(stop) {}
  FileInput(const FileInput&) = delete;
  FileInput& operator=(const FileInput&) = delete;
  ~FileInput() override {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
  }

  size_t read(uint64_t at, std::span<uint8_t> bytes) override {
    for (;;) {
      if (!size_ && !wait_for(descriptor_, stop_)) return 0;
      const ssize_t n = size_ ? ::pread(descriptor_, bytes.data(), bytes.size(), off_t(at))
                              : ::read(descriptor_, bytes.data(), bytes.size());
      if (n >= 0) return size_t(n);
      if (errno != EINTR && errno != EAGAIN) throw_file_error(fmt::format("{}, byte {}", name_, at), errno);
    }
  }
  std::optional<uint64_t> size() const override { return size_; }

  std::span<const uint8_t> view(uint64_t at, size_t n) override {
    if (!size_ || at >= *size_) return {};
    const auto length = size_t(std::min<uint64_t>(*size_ - at, std::max(kWindow, n)));
    size_t filled = 0;
    if (at >= at_ && at - at_ < filled_) {  // the end of the last view
      filled = std::min(length, filled_ - size_t(at - at_));
      std::memmove(window_.data(), window_.data() + (at - at_), filled);
    }
    if (window_.size() < length) window_.resize(length);
    at_ = at, filled_ = filled;
    while (filled_ < length) {
      const size_t got = read(at + filled_, std::span(window_).subspan(filled_, length - filled_));
      if (got == 0) break;
      filled_ += got;
    }
    return std::span(window_).first(filled_);
  }

 private:
  std::string name_;
  int descriptor_;
  std::optional<uint64_t> size_;
  int stop_;
  std::vector<uint8_t> window_;
  uint64_t at_ = 0;  // place of the window's first byte
  size_t filled_ = 0;
};

class MemoryInput : public Input {
 public:
  explicit MemoryInput(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  size_t read(uint64_t at, std::span<uint8_t> bytes) override {
    const auto rest = bytes_.subspan(std::min<uint64_t>(at, bytes_.size()));
    const size_t n = std::min(rest.size(), bytes.size());
    std::copy_n(rest.begin(), n, bytes.begin());
    return n;
  }
  std::optional<uint64_t> size() const override { return bytes_.size(); }
  std::span<const uint8_t> view(uint64_t at, size_t) override {
    return bytes_.subspan(size_t(std::min<uint64_t>(at, bytes_.size())));
  }

 private:
  std::span<const uint8_t> bytes_;
};

// Closes the descriptor when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  operator int() const { return value_; }

 private:
  const int value_;
};

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

// Removes a socket whose program is gone. Any other file may belong to another program and stays.
bool is_left_behind(const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const Descriptor client = new_socket();
  return ::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED;
}

// A socket that already listens when it appears at `path`: made under another name, then linked.
void listen_at(int listener, const std::filesystem::path& path, const sockaddr_un& address) {
  const auto fail = [&] {
    const int error = errno;
    const char* hint = error == EEXIST ? " (remove what is there if its program is gone)" : "";
    return input_error("unix:{}: cannot make a socket there{}: {}", path.string(), hint, std::strerror(error));
  };
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor folder(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder < 0) throw fail();
  const std::string name = fmt::format(".spikemix-{}", ::getpid());
  sockaddr_un hidden{.sun_family = AF_UNIX, .sun_path = {}};
  fmt::format("/proc/self/fd/{}/{}", int(folder), name).copy(hidden.sun_path, sizeof hidden.sun_path - 1);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&hidden), sizeof hidden) != 0) throw fail();
  const auto link = [&] { return ::linkat(folder, name.c_str(), AT_FDCWD, address.sun_path, 0) == 0; };
  bool there = ::listen(listener, 1) == 0 && link();
  if (!there && errno == EEXIST) {
    there = is_left_behind(address) && ::unlink(address.sun_path) == 0 && link();
    if (!there) errno = EEXIST;
  }
  const int error = errno;
  ::unlinkat(folder, name.c_str(), 0);
  errno = error;
  if (!there) throw fail();
}

}  // namespace

int accept_connection(const std::string& path, int stop) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    throw input_error("unix:{}: expected a path of 1 to {} bytes", path, sizeof address.sun_path - 1);
  }
  path.copy(address.sun_path, path.size());
  const Descriptor listener = new_socket();
  if (listener < 0) throw run_error("unix:{}: cannot make a socket: {}", path, std::strerror(errno));
  listen_at(listener, path, address);
  const bool came = wait_for(listener, stop);
  int connection = -1;
  if (came) {
    do connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    while (connection < 0 && errno == EINTR);
  }
  const int error = errno;
  ::unlink(address.sun_path);
  if (!came) throw input_error("unix:{}: ended before anybody connected", path);
  if (connection < 0) throw run_error("unix:{}: no connection: {}", path, std::strerror(error));
  return connection;
}

ByteSource::ByteSource(std::string name, std::shared_ptr<Input> input)
    : name_(std::move(name)), input_(std::move(input)) {
  if (!input_->size()) buffer_.resize(kBuffer);
}

ByteSource ByteSource::open(const std::filesystem::path& path, int stop) {
  constexpr std::string_view kSocket = "unix:";
  if (const std::string name = path.string(); name.starts_with(kSocket)) {
    const int connection = accept_connection(name.substr(kSocket.size()), stop);
    return ByteSource(name, std::make_shared<FileInput>(name, connection, std::nullopt, stop));
  }
  const bool standard_input = path == "-";
  std::error_code no_error;
  const std::string name = standard_input ? "standard input" : path.string();
  // Opening a FIFO would wait here without watching `stop`.
  const int wait = std::filesystem::is_fifo(std::filesystem::status(path, no_error)) ? O_NONBLOCK : 0;
  const int descriptor = standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | wait);
  if (descriptor < 0 && errno == ENOENT) throw input_error("{}: no such file", name);
  if (descriptor < 0) throw_file_error(name, errno);
  struct stat status {};
  std::optional<uint64_t> size;
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && !standard_input) size = uint64_t(status.st_size);
  auto input = std::make_shared<FileInput>(name, descriptor, size, stop);
  if (S_ISDIR(status.st_mode)) throw input_error("{}: is a folder, expected a recording", name);
  return ByteSource(name, std::move(input));
}

ByteSource ByteSource::memory(std::string name, std::span<const uint8_t> bytes) {
  return ByteSource(std::move(name), std::make_shared<MemoryInput>(bytes));
}

bool ByteSource::fill() {
  const size_t n = input_->read(offset_ + (end_ - begin_), std::span(buffer_).subspan(end_));
  end_ += n;
  return n > 0;
}

std::span<const uint8_t> ByteSource::peek(size_t n) {
  if (input_->size()) {
    if (view_.size() < n && view_.size() < *left()) {
      view_ = input_->view(offset_, n);
      if (view_.size() < std::min<uint64_t>(n, *left()))
        throw error_at(offset_ + view_.size(),
                       "the file ends here, expected its {} bytes; was it cut while it was read?", *input_->size());
    }
    return view_;
  }
  if (end_ - begin_ < n) {
    std::copy(buffer_.begin() + std::ptrdiff_t(begin_), buffer_.begin() + std::ptrdiff_t(end_), buffer_.begin());
    end_ -= std::exchange(begin_, 0);
    for (;;) {
      // Doubled only when it is full, so that a size from a damaged header takes no memory without bytes to fill it.
      if (end_ == buffer_.size() && end_ < n) buffer_.resize(std::min(n, 2 * buffer_.size()));
      if (end_ >= n || !fill()) break;
    }
  }
  return {buffer_.data() + begin_, end_ - begin_};
}

bool ByteSource::skip(uint64_t n) {
  if (input_->size()) {
    const uint64_t step = std::min(n, *left());
    offset_ += step;
    view_ = step < view_.size() ? view_.subspan(size_t(step)) : std::span<const uint8_t>();
    return step == n;
  }
  for (;;) {
    const size_t step = size_t(std::min<uint64_t>(n, end_ - begin_));
    begin_ += step, offset_ += step, n -= step;
    if (n == 0) return true;
    begin_ = end_ = 0;
    if (!fill()) return false;
  }
}

std::optional<uint64_t> ByteSource::left() const {
  const auto size = input_->size();
  if (!size) return {};
  return *size > offset_ ? *size - offset_ : 0;
}

}  // namespace spikemix
