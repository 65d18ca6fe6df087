// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace spikemix {

/// One event of an event camera: the brightness of one pixel rose (p = 1, "on") or fell (p = 0, "off") past a
/// threshold.
///
/// An array of these structs, not a struct of arrays: the memory layout is AEDAT 4's, whose packets can then be read
/// without a copy, and one 16-byte store for each event is faster than four narrow ones (AEDAT 3.1 decoded: 530 against
/// 419 million events a second; decoded and summed into a frame: 369 against 313; one EPYC core, batches of 8,192).
struct Event {
  int64_t t = 0;   ///< microseconds, on the recording's own clock
  uint16_t x = 0;  ///< column, 0 on the left
  uint16_t y = 0;  ///< row, 0 at the top
  uint8_t p = 0;   ///< 0 off, 1 on; never anything else

  bool operator==(const Event&) const = default;
};
static_assert(sizeof(Event) == 16 && std::endian::native == std::endian::little);

/// The largest time of an event, in microseconds from 0: the difference of two times fits 64 bits.
constexpr int64_t kMostTime = int64_t{1} << 62;

/// *at = {t, x, y, p} in two stores, where compilers make four: the decoders' speed depends on it. x, y < 2^16.
inline void store_event(Event* at, int64_t t, uint32_t x, uint32_t y, uint32_t p) {
  const uint64_t rest = x | uint64_t(y) << 16 | uint64_t(p) << 32;
  std::memcpy(static_cast<void*>(at), &t, 8);
  std::memcpy(reinterpret_cast<unsigned char*>(at) + 8, &rest, 8);
}

/// The size of a sensor in pixels; 0 x 0 if unknown.
struct SensorSize {
  int width = 0, height = 0;

  bool known() const { return width > 0 && height > 0; }
  bool operator==(const SensorSize&) const = default;
};

}  // namespace spikemix
