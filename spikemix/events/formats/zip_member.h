// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/events/source.h"

namespace spikemix {

struct ZipEntry;

/// Names of the files in a zip archive. @throws InputError naming the archive and byte if it is damaged or cut
std::vector<std::string> zip_members(const ByteSource& source);

/// One file of a zip archive, stored or deflated, from front to back.
///
/// Uses Intel's ISA-L, not zlib, whose checksum alone would cost more than everything else that is done with a stored
/// array, and whose inflate is half as fast.
class ZipMember {
 public:
  /// @throws InputError as zip_members does, or if the member is encrypted or packed in another way
  ZipMember(const ByteSource& source, const std::string& name);
  /// The same for an entry of read_zip_directory().
  ZipMember(const ByteSource& source, const ZipEntry& entry);
  ZipMember(ZipMember&&) noexcept;
  ~ZipMember();

  /// Fills `bytes`; returns less only at the file's end, where its length and checksum are compared. @throws InputError
  /// if it is damaged
  size_t read(std::span<uint8_t> bytes);
  /// The place of its header in the archive.
  uint64_t byte() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spikemix
