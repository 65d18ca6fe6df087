// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace spikemix {

/// Bytes kept on disk until the part of the file before them is known: a nameless file in the result's folder, which
/// disappears with the process, however that ends.
class Spool {
 public:
  /// @throws InputError if no file can be made next to `result`
  explicit Spool(const std::filesystem::path& result);
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  /// @throws RunError on a full disk
  void append(std::span<const uint8_t> bytes);
  uint64_t size() const { return size_; }
  /// Passes on all bytes in order, in pieces.
  void replay(const std::function<void(std::span<const uint8_t>)>& take);

 private:
  void flush();

  std::filesystem::path result_;
  int descriptor_ = -1;
  std::vector<uint8_t> buffer_;
  uint64_t size_ = 0;
};

}  // namespace spikemix
