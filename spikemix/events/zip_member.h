#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spikemix/events/source.h"

struct archive;  // libarchive's

namespace spikemix {

/// Names of the files in a zip archive. @throws InputError naming the archive if it is damaged or cut
std::vector<std::string> zip_members(const ByteSource& source);

/// One file of a zip archive, stored or deflated, from front to back.
class ZipMember {
 public:
  /// @throws InputError as zip_members
  ZipMember(const ByteSource& source, const std::string& name);
  ZipMember(ZipMember&&) noexcept;
  ~ZipMember();

  /// Fills `bytes`; less only at the file's end, where its checksum is compared. @throws InputError if it is damaged
  size_t read(std::span<uint8_t> bytes);
  /// Where it begins in the archive.
  uint64_t byte() const;

 private:
  friend std::vector<std::string> zip_members(const ByteSource& source);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spikemix
