// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <vector>

#include "spikemix/events/formats/npy_header.h"
#include "spikemix/events/formats/zip_member.h"

namespace spikemix {

/// An array in the archive, read in pieces.
struct NpzArray {
  std::string name;  ///< the member's name: "t.npy"
  ZipMember member;  ///< positioned after the header
  NpyHeader header;
  std::vector<uint8_t> elements = {};
};

/// The places of t, x, y and p, in this order: each a field of one of the arrays, all of the same length.
struct NpzColumns {
  std::vector<NpzArray> arrays;
  struct Column {
    size_t array = 0;
    NpyField field;  ///< of the array's records; for plain numbers it has the array's name
  };
  std::array<Column, 4> columns;
};

/// The only set of arrays, or the only array of records, that has all four (readers.h). Other arrays are ignored.
/// @throws InputError naming the member if there is none, if several could be meant, or if they do not fit
NpzColumns find_npz_columns(const ByteSource& source);

}  // namespace spikemix
