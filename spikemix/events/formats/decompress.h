// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace spikemix {

/// Decompresses whole frames, one after the other, into one reused buffer.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// The decompressed bytes, `shift` bytes after a place that is aligned for anything; valid until the next call.
  /// Throws std::runtime_error saying what is wrong with the frame (without the place), or that it would exceed `limit`
  /// bytes.
  virtual std::span<const uint8_t> operator()(std::span<const uint8_t> frame, size_t limit, size_t shift) = 0;
};

/// Are `packed` bytes that become `made` bytes an archive bomb: more than 1 GiB, and a hundred times as many?
/// Recordings from cameras grow tenfold at most.
constexpr bool is_bomb(uint64_t packed, uint64_t made) { return made > uint64_t(1) << 30 && made / 100 > packed; }

std::unique_ptr<Decompressor> make_lz4();
std::unique_ptr<Decompressor> make_zstd();

}  // namespace spikemix
