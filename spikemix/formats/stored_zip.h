#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

struct archive;  // libarchive's
struct archive_entry;

namespace spikemix {

/// A zip archive whose entries are stored as they are, as torch.save writes it. All that is read together is at most as
/// large as the archive: more is refused before it is allocated. Checksums are compared.
class StoredZip {
 public:
  /// `bytes` and `where`, which names them in errors, must outlive it.
  StoredZip(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where), budget_(bytes.size()) {}

  using Read = std::function<std::vector<std::byte>()>;
  /// Calls see(name, read) for each entry, in the archive's order; read() gives its bytes.
  /// @throws InputError, one line that names the archive
  void for_each(const std::function<void(const std::string&, const Read&)>& see);

 private:
  std::vector<std::byte> read(archive* zip, archive_entry* entry, const std::string& name);

  std::span<const std::byte> bytes_;
  const std::string& where_;
  size_t budget_;  // bytes that may still be read
};

}  // namespace spikemix
