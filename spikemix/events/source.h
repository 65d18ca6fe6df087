// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "spikemix/base/error.h"

namespace spikemix {

/// A source of bytes: a file, standard input or a pipe, or memory.
class Input {
 public:
  virtual ~Input() = default;
  /// Up to bytes.size() bytes from place `at`; 0 only at the end. A pipe returns the next bytes, whatever `at` is.
  virtual size_t read(uint64_t at, std::span<uint8_t> bytes) = 0;
  /// Bytes in all; empty for a pipe, which also cannot be read at arbitrary places.
  virtual std::optional<uint64_t> size() const = 0;
  /// A view of the bytes from place `at` on, n or more unless the end comes first; valid until the next call. Empty if
  /// there are none, or for a pipe.
  virtual std::span<const uint8_t> view(uint64_t at, size_t n) = 0;
};

/// Makes a Unix socket at `path`, waits for one connection, and then removes the socket. A socket that a program left
/// behind, on which nobody listens, is replaced. @return the connection's descriptor, which the caller closes
/// @param stop  as for ByteSource::open
/// @throws InputError if no socket can be made there, or if nobody connects before `stop`
int accept_connection(const std::string& path, int stop = -1);

/// A recording's bytes from front to back. A file is read window by window into memory that stays in the second cache,
/// which takes half of the time of mapping it, page by page (16 MB: 0.8 against 1.8 ms; AMD EPYC, Linux 6.18); a pipe
/// goes through one buffer: memory does not grow with the recording.
class ByteSource {
 public:
  /// "-" is standard input, "unix:PATH" the first connection to a socket made at PATH (accept_connection).
  /// @param stop  a descriptor: as soon as it is readable, waiting for a pipe or socket ends, and so does its data; -1:
  /// none
  /// @throws InputError naming the file if it is missing or unreadable, or if nobody connects before `stop`
  static ByteSource open(const std::filesystem::path& path, int stop = -1);
  /// `bytes` must outlive it; `name` is the file's name in errors.
  static ByteSource memory(std::string name, std::span<const uint8_t> bytes);
  ByteSource(std::string name, std::shared_ptr<Input> input);

  /// The next bytes, without moving on: n or more, or all that are left. Valid until the next call.
  /// The buffer grows to n as bytes arrive; the caller bounds n by what its format allows.
  std::span<const uint8_t> peek(size_t n);
  /// Moves on by n bytes. @return false if the file ends before
  bool skip(uint64_t n);

  /// Place of the next byte, counted from 0.
  uint64_t offset() const { return offset_; }
  /// Bytes from here to the end; empty for a pipe.
  std::optional<uint64_t> left() const;
  const std::string& name() const { return name_; }
  /// For formats that are read at several places at once (zip).
  const std::shared_ptr<Input>& input() const { return input_; }

  /// "user05.aedat, byte 1184: packet claims 4096 events, 512 remain"
  template <class... Args>
  InputError error_at(uint64_t byte, fmt::format_string<Args...> format, Args&&... args) const {
    return input_error("{}, byte {}: {}", name_, byte, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  bool fill();

  std::string name_;
  std::shared_ptr<Input> input_;
  uint64_t offset_ = 0;
  std::span<const uint8_t> view_;  // for a file: the next bytes
  std::vector<uint8_t> buffer_;    // for a pipe
  size_t begin_ = 0, end_ = 0;     // the bytes of buffer_ that are read but not yet used
};

}  // namespace spikemix
