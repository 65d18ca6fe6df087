// SPDX-License-Identifier: MIT
#include "spikemix/formats/stored_zip.h"

#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "spikemix/base/error.h"

namespace spikemix {
namespace {

InputError damaged(const std::string& where, archive* zip) {
  const char* text = archive_error_string(zip);
  std::string reason = text ? text : "no directory";
  while (!reason.empty() && reason.back() == '\n') reason.pop_back();  // some of libarchive's messages end with one
  return input_error("{}: damaged zip archive ({}); incomplete download or corrupt file?", where, reason);
}

}  // namespace

void StoredZip::for_each(const std::function<void(const std::string&, const Read&)>& see) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> zip(archive_read_new(), archive_read_free);
  archive_read_support_format_zip_seekable(zip.get());  // by the directory at the end, so that a cut file is detected
  if (archive_read_open_memory(zip.get(), bytes_.data(), bytes_.size()) != ARCHIVE_OK) throw damaged(where_, zip.get());
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(zip.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    if (result < ARCHIVE_WARN) throw damaged(where_, zip.get());
    const char* path = archive_entry_pathname(entry);
    if (!path) continue;  // a name that this locale cannot represent: torch.save writes none
    const std::string name(path);
    see(name, [&] { return read(zip.get(), entry, name); });
  }
}

std::vector<std::byte> StoredZip::read(archive* zip, archive_entry* entry, const std::string& name) {
  const int64_t size = archive_entry_size(entry);
  if (size < 0 || uint64_t(size) > budget_) {
    throw input_error("{}: {:?} claims {} bytes, {} of the file's remain; compressed or corrupt?", where_, name, size,
                      budget_);
  }
  budget_ -= size_t(size);
  std::vector<std::byte> data(static_cast<size_t>(size));
  size_t done = 0;
  while (done < data.size()) {
    const la_ssize_t n = archive_read_data(zip, data.data() + done, data.size() - done);
    if (n < 0) throw damaged(where_, zip);
    if (n == 0) throw input_error("{}: {:?} ends after {} of {} bytes; incomplete?", where_, name, done, size);
    done += size_t(n);
  }
  // The call that reaches the end also compares the checksum.
  std::byte more;
  if (archive_read_data(zip, &more, 1) != 0) throw damaged(where_, zip);
  return data;
}

}  // namespace spikemix
