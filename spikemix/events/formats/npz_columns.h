#pragma once

#include <array>
#include <string>
#include <vector>

#include "spikemix/events/formats/npy_header.h"
#include "spikemix/events/formats/zip_member.h"

namespace spikemix {

/// An array in the archive, read in pieces.
struct NpzArray {
  std::string name;  ///< of the member: "t.npy"
  ZipMember member;  ///< behind the header
  NpyHeader header;
  std::vector<uint8_t> elements = {};
};

/// Where t, x, y and p are, in this order: each a field of one of the arrays, all of the same length.
struct NpzColumns {
  std::vector<NpzArray> arrays;
  struct Column {
    size_t array = 0;
    NpyField field;  ///< of the array's records; of plain numbers it has the array's name
  };
  std::array<Column, 4> columns;
};

/// The one set of arrays, or the one array of records, that has all four (readers.h). Other arrays are left alone.
/// @throws InputError naming the member if there is none, if more than one could be meant, or if they do not fit
NpzColumns find_npz_columns(const ByteSource& source);

}  // namespace spikemix
