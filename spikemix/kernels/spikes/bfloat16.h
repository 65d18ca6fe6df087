// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstdint>

namespace spikemix {

/// The upper half of a float, as LibTorch's c10::BFloat16 stores it. Spikes and counts up to 256 are exact in it.
struct Bfloat16 {
  uint16_t bits = 0;

  Bfloat16() = default;
  /// Rounds to nearest, ties to even.
  explicit Bfloat16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    bits = uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

}  // namespace spikemix
