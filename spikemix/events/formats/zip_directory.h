// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spikemix/events/source.h"

namespace spikemix {

/// A file of a zip archive, as described in the directory at its end.
struct ZipEntry {
  std::string name;
  uint16_t flags = 0, method = 0;  ///< 0 stored, 8 deflated
  uint32_t checksum = 0;           ///< CRC-32 of the file
  uint64_t packed = 0, size = 0;   ///< bytes in the archive, bytes of the file
  uint64_t header = 0;             ///< place of its header in the archive
};

/// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 64-bit sizes included.
/// @throws InputError naming the archive and byte if the directory is missing, or points outside of the archive
std::vector<ZipEntry> read_zip_directory(const ByteSource& source);

/// "a.npz, byte 70: x.npy: damaged zip archive (ends within its data); an incomplete copy?"
InputError damaged_zip(const ByteSource& source, uint64_t byte, const std::string& member, std::string_view why);

}  // namespace spikemix
