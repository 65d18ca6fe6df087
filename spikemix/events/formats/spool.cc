// SPDX-License-Identifier: MIT
#include "spikemix/events/formats/spool.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <unistd.h>

#include "spikemix/base/error.h"
#include "spikemix/base/file.h"

namespace spikemix {
namespace {

constexpr size_t kSpoolBuffer = 1 << 18;

}  // namespace

Spool::Spool(const std::filesystem::path& result) : result_(result) {
  const auto folder = result.has_parent_path() ? result.parent_path() : std::filesystem::path(".");
  std::string name = (folder / ".spikemix_XXXXXX").string();
  descriptor_ = ::mkstemp(name.data());
  if (descriptor_ < 0 && errno == ENOENT) {
    throw input_error("{}: cannot create: no folder '{}'", result.string(), folder.string());
  }
  if (descriptor_ < 0) throw_file_error(result.string() + ": cannot create", errno);
  ::unlink(name.c_str());
  buffer_.reserve(kSpoolBuffer);
}

Spool::Spool(Spool&& other) noexcept
    : result_(std::move(other.result_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)),
      size_(other.size_) {}

Spool::~Spool() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Spool::append(std::span<const uint8_t> bytes) {
  if (buffer_.size() + bytes.size() > kSpoolBuffer) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  size_ += bytes.size();
}

void Spool::flush() {
  if (write_fully(descriptor_, std::as_bytes(std::span(buffer_))) != buffer_.size()) {
    throw run_error("{}: cannot write: {}", result_.string(), std::strerror(errno));
  }
  buffer_.clear();
}

void Spool::replay(const std::function<void(std::span<const uint8_t>)>& take) {
  flush();
  std::vector<uint8_t> block(kSpoolBuffer);
  for (uint64_t at = 0; at < size_;) {
    const ssize_t n = ::pread(descriptor_, block.data(), block.size(), off_t(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) throw run_error("{}: cannot read what was put aside: {}", result_.string(), std::strerror(errno));
    take(std::span(block).first(size_t(n)));
    at += uint64_t(n);
  }
}

}  // namespace spikemix
