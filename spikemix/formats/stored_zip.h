// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

struct archive;  // libarchive's
struct archive_entry;

namespace spikemix {

/// A zip archive with stored, uncompressed entries, as torch.save writes it. The bytes read in all are at most as large
/// as the archive: more are refused before they are allocated. Checksums are compared.
class StoredZip {
 public:
  /// `bytes` must outlive it, and so must `where`, which is its name in errors.
  StoredZip(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where), budget_(bytes.size()) {}

  using Read = std::function<std::vector<std::byte>()>;
  /// Calls see(name, read) for each entry, in the archive's order; read() gives its bytes.
  /// @throws InputError in one line that names the archive
  void for_each(const std::function<void(const std::string&, const Read&)>& see);

 private:
  std::vector<std::byte> read(archive* zip, archive_entry* entry, const std::string& name);

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t budget_;  // bytes that may still be read
};

}  // namespace spikemix
