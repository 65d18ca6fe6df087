// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spikemix {

/// A field of an array's elements; an array of plain values has one without a name.
struct NpyField {
  std::string name;
  static constexpr char kOther = 'V';
  char kind = kOther;  ///< numpy's: i, u, b, f; kOther: anything else, or more than one number
  bool big_endian = false;
  size_t size = 0, offset = 0;  ///< bytes
};

/// The header of a .npy member, e.g. {'descr': '<i8', 'fortran_order': False, 'shape': (10,), }.
struct NpyHeader {
  std::vector<NpyField> fields;
  size_t element = 0;  ///< bytes
  uint64_t length = 0;
};

/// Nullopt unless it is an array of one dimension whose elements have a fixed size and are not Python objects.
std::optional<NpyHeader> parse_npy_header(std::string_view text);

}  // namespace spikemix
