#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace spikemix {

/// Decompresses whole frames, one after the other, into one buffer that is used again and again.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// The decompressed bytes, `shift` bytes behind a place that is aligned for anything; valid until the next call.
  /// Throws std::runtime_error that says what is wrong with the frame, without the place, or that it would hold more
  /// than `limit` bytes.
  virtual std::span<const uint8_t> operator()(std::span<const uint8_t> frame, size_t limit, size_t shift) = 0;
};

std::unique_ptr<Decompressor> make_lz4();
std::unique_ptr<Decompressor> make_zstd();

}  // namespace spikemix
