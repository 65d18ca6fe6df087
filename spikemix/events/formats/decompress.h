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

/// `packed` bytes that become `made` are no recording: more than 1 GiB, and a hundred times as many. Those of cameras
/// become ten times as many at most.
constexpr bool is_bomb(uint64_t packed, uint64_t made) { return made > uint64_t(1) << 30 && made / 100 > packed; }

std::unique_ptr<Decompressor> make_lz4();
std::unique_ptr<Decompressor> make_zstd();

}  // namespace spikemix
