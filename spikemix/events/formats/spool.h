#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

namespace spikemix {

/// Bytes put aside on the disk until what stands before them in a file is known: a nameless file in the folder of the
/// result, gone with the process however it ends.
class Spool {
 public:
  /// @throws InputError if there is no file to be made beside `result`
  explicit Spool(const std::filesystem::path& result);
  Spool(Spool&&) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  /// @throws RunError on a full disk
  void append(std::span<const uint8_t> bytes);
  uint64_t size() const { return size_; }
  /// Hands all bytes over, in their order, in pieces.
  void replay(const std::function<void(std::span<const uint8_t>)>& take);

 private:
  void flush();

  std::filesystem::path result_;
  int descriptor_ = -1;
  std::vector<uint8_t> buffer_;
  uint64_t size_ = 0;
};

}  // namespace spikemix
