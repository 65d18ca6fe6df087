// SPDX-License-Identifier: MIT
// The pickle in a PyTorch checkpoint from a stranger. The target `checkpoint` hardly gets there: a zip archive's
// checksum refuses a pickle that was changed. This one gets the pickle alone, and puts it into an archive with 8 KB of
// zeros for each of the storages 0 to 3.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "checkpoint.h"
#include "fuzz.h"

namespace {

using Bytes = std::span<const std::byte>;

void add(archive* zip, const std::string& name, Bytes bytes) {
  const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), int64_t(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_write_header(zip, entry.get());
  archive_write_data(zip, bytes.data(), bytes.size());
}

std::vector<std::byte> checkpoint_with(Bytes pickle) {
  constexpr int kStorages = 4;
  static constexpr std::array<std::byte, 8192> kStorage = {};
  std::vector<std::byte> file(pickle.size() + kStorages * kStorage.size() + 4096);
  size_t used = 0;
  const std::unique_ptr<archive, decltype(&archive_write_free)> zip(archive_write_new(), archive_write_free);
  archive_write_set_format_zip(zip.get());
  archive_write_set_options(zip.get(), "zip:compression=store");
  archive_write_set_bytes_in_last_block(zip.get(), 1);
  archive_write_open_memory(zip.get(), file.data(), file.size(), &used);
  add(zip.get(), "model/data.pkl", pickle);
  for (int i = 0; i < kStorages; ++i) add(zip.get(), "model/data/" + std::to_string(i), kStorage);
  archive_write_close(zip.get());
  file.resize(used);
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return spikemix::read_checkpoint(checkpoint_with(spikemix::fuzz_bytes(data, size)));
}
