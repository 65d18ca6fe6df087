// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace spikemix {

/// FNV-1a of 64 bits: the same number on every machine. It finds damage and differences, not forgeries.
class Hash {
 public:
  Hash& add(std::span<const std::byte> bytes) {
    for (const std::byte b : bytes) value_ = (value_ ^ uint8_t(b)) * 0x100000001b3;
    return *this;
  }
  Hash& add(std::string_view text) { return add(std::as_bytes(std::span(text))); }
  Hash& add(int64_t number) { return add(std::as_bytes(std::span(&number, 1))); }
  uint64_t value() const { return value_; }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace spikemix
